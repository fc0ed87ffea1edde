/** How long jobs of the same name took, known when it was submitted. */
export const EXPECTED_DURATIONS = `
alter table jobs add column expected_ms integer;
`;
