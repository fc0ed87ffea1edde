/** Before there were shares, a task asked for whole GPUs of any model, and an attempt held all of each. */
export const GPU_SHARES = `
update jobs set spec = json_set(spec,
  '$.resources.gpuMilli', 1000,
  '$.resources.gpuMemoryBytes', null,
  '$.resources.gpuModels', json('[]'),
  '$.resources.gpuMemoryMinBytes', 0);
alter table attempts add column gpu_milli integer not null default 1000 check (gpu_milli between 1 and 1000);
`;
