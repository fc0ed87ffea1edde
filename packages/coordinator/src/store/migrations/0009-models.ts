/**
 * Which models there are and what each was resolved to. A revision is named by its content and never changes; it
 * stays when the name that led to it is removed, because a node may hold it.
 */
export const MODELS = `
create table model_revisions (
  id                 text primary key,
  source             text not null,
  file_count         integer not null,
  size_bytes         integer not null,
  resolved_at_ms     integer not null
) strict;

create table model_files (
  revision_id        text not null references model_revisions (id),
  path               text not null,
  size_bytes         integer not null,
  hash               text not null,
  primary key (revision_id, path)
) strict, without rowid;

create table models (
  name               text primary key,
  reference          text not null,
  include            text not null,
  exclude            text not null,
  revision_id        text not null references model_revisions (id),
  added_at_ms        integer not null,
  added_by           text not null,
  removed            integer not null
) strict;
`;
