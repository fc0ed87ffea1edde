/** Which revision is on which node, and how far; what has gone stays as it was when it went. */
export const PLACEMENTS = `
create table placements (
  node_id            text not null references nodes (id),
  revision_id        text not null references model_revisions (id),
  state              text not null
    check (state in ('wanted', 'pulling', 'verifying', 'ready', 'failed', 'evicting', 'gone')),
  pinned             integer not null,
  actor              text,
  since_ms           integer not null,
  noted_at_ms        integer not null,
  bytes_done         integer not null,
  problem            text,
  retry_at_ms        integer,
  primary key (node_id, revision_id)
) strict, without rowid;
`;
