/** What protocol version 2 says of a node, and what operators say of it. */
export const NODES = `
alter table nodes add column machine_id text;
alter table nodes add column site text;
alter table nodes add column gone_since_ms integer;
alter table nodes add column admin_since_ms integer;
alter table nodes add column admin_actor text;
alter table nodes add column admin_reason text;
alter table nodes add column drain_deadline_ms integer;
`;
