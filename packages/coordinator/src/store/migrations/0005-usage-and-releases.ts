/**
 * What an attempt used, beside CPU time and its largest process, and which GPUs an operator gave back though they are not
 * clean; null of what was stored before.
 */
export const USAGE_AND_RELEASES = `
alter table attempts add column memory_peak_bytes integer;
alter table attempts add column memory_limit_bytes integer;
alter table attempts add column gpu_usage text;
alter table nodes add column released_gpus text;
`;
