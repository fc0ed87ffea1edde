/** GPUs that an operator gave back though they are not clean. */
export const RELEASED_GPUS = `
alter table nodes add column released_gpus text;
`;
