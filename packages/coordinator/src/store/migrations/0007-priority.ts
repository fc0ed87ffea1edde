/** Before there were priorities, all were equal. */
export const PRIORITY = `
update jobs set spec = json_set(spec, '$.priority', 0);
`;
