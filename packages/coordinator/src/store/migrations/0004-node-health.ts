/** How a node is, and what it is expected to have; null of nodes that were stored before. */
export const NODE_HEALTH = `
alter table nodes add column health text;
alter table nodes add column expected_hardware text;
`;
