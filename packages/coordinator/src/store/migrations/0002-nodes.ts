/** What protocol version 2 says of a node. */
export const NODES = `
alter table nodes add column machine_id text;
alter table nodes add column site text;
`;
