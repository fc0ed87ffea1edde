/** Never edited after a release: a change is a further migration. */
export const INITIAL = `
create table jobs (
  id                 integer primary key,
  name               text,
  state              text not null check (state in ('queued', 'running', 'succeeded', 'failed', 'canceled')),
  cancel_requested   integer not null,
  task_count         integer not null,
  labels             text not null,
  command_line       text not null,
  queued             integer not null,
  staging            integer not null,
  running            integer not null,
  succeeded          integer not null,
  failed             integer not null,
  canceled           integer not null,
  submitted_at_ms    integer not null,
  started_at_ms      integer,
  ended_at_ms        integer,
  idempotency_key    text,
  request_sha256     text,
  -- Last, because it may be large: what stands before it is read without it.
  spec               text not null
) strict;
create index jobs_hot on jobs (id) where ended_at_ms is null;
create index jobs_by_name on jobs (name, id) where name is not null;
create unique index jobs_by_idempotency_key on jobs (idempotency_key) where idempotency_key is not null;

create table tasks (
  job_id             integer not null references jobs (id),
  task_index         integer not null,
  state              text not null check (state in ('queued', 'staging', 'running', 'succeeded', 'failed', 'canceled')),
  cause              text not null,
  since_ms           integer not null,
  attempt_number     integer not null,
  live_attempt_id    text,
  user_failures      integer not null,
  faultless_ends     integer not null,
  primary key (job_id, task_index)
) strict, without rowid;

create table nodes (
  id                 text primary key,
  name               text not null,
  link               text not null check (link in ('online', 'suspect', 'disconnected', 'lost')),
  link_since_ms      integer not null,
  admin              text not null check (admin in ('schedulable', 'cordoned', 'draining', 'drained')),
  agent_version      text not null,
  boot_id            text not null,
  capacity           text not null,
  hardware           text not null,
  lease_ms           integer not null,
  joined_at_ms       integer not null
) strict;

create table attempts (
  job_id             integer not null,
  task_index         integer not null,
  number             integer not null,
  id                 text not null,
  node_id            text not null references nodes (id),
  boot_id            text not null,
  state              text not null
    check (state in ('staging', 'assigned', 'starting', 'running', 'stopping', 'releasing', 'ended')),
  stop_cause         text,
  cpu_milli          integer not null,
  memory_bytes       integer not null,
  gpu_ids            text not null,
  pid                integer,
  outcome            text,
  blame              text,
  output_bytes       integer,
  cpu_ms             integer,
  max_rss_bytes      integer,
  assigned_at_ms     integer not null,
  started_at_ms      integer,
  ended_at_ms        integer,
  primary key (job_id, task_index, number)
) strict, without rowid;
create index attempts_hot on attempts (node_id) where state <> 'ended';

create table events (
  id                 integer primary key autoincrement,
  at_ms              integer not null,
  event              text not null,
  fields             text not null
) strict;

-- Written only to learn whether the store can be written again after a failure.
create table probes (
  id                 integer primary key,
  at_ms              integer not null
) strict;
`;
