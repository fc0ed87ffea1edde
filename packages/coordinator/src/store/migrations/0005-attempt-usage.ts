/** What an attempt used, beside CPU time and its largest process; null of attempts that were stored before. */
export const ATTEMPT_USAGE = `
alter table attempts add column memory_peak_bytes integer;
alter table attempts add column memory_limit_bytes integer;
alter table attempts add column gpu_usage text;
`;
