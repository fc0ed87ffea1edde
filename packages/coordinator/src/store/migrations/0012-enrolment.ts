/**
 * Which fleet this is, who may join it, and the keys of those who did. Of a join token only its hash is here, of a
 * node's key only the public half.
 */
export const ENROLMENT = `
create table fleet (
  id                 integer primary key check (id = 1),
  fleet_id           text not null
) strict;
insert into fleet values (1, lower(hex(randomblob(16))));

create table invites (
  id                 text primary key,
  sha256             blob not null check (length(sha256) = 32),
  site               text,
  labels             text not null,
  name_pattern       text,
  needs_approval     integer not null,
  uses               integer not null,
  used_count         integer not null,
  created_at_ms      integer not null,
  created_by         text not null,
  expires_at_ms      integer not null,
  revoked_at_ms      integer
) strict;

create table enrolments (
  node_id            text primary key,
  name               text not null,
  state              text not null check (state in ('pending', 'enrolled', 'removed')),
  -- Null of a node that was removed and had never joined.
  public_key         text,
  machine_id         text,
  site               text,
  labels             text not null,
  name_pattern       text,
  invite_id          text,
  address            text,
  joined_at_ms       integer not null
) strict;

alter table nodes add column labels text not null default '{}';
`;
