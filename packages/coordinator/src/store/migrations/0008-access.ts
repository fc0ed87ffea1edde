/**
 * Who may do what, who submitted a job, and who did what. Of a token only its hash is here. The audit trail
 * can be added to and nothing else, by this program too.
 */
export const ACCESS = `
alter table jobs add column submitted_by text;

create table tokens (
  id                 integer primary key autoincrement,
  name               text not null,
  role               text not null check (role in ('viewer', 'user', 'operator', 'admin')),
  sha256             blob not null unique check (length(sha256) = 32),
  created_at_ms      integer not null,
  created_by         text not null,
  revoked_at_ms      integer
) strict;
create unique index tokens_by_name on tokens (name) where revoked_at_ms is null;

create table audit (
  id                 integer primary key autoincrement,
  at_ms              integer not null,
  actor              text,
  role               text,
  action             text not null,
  target             text,
  address            text,
  verdict            text not null check (verdict in ('allowed', 'denied')),
  code               text
) strict;
create trigger audit_is_never_changed before update on audit
begin select raise(abort, 'the audit trail is append-only'); end;
create trigger audit_is_never_cut before delete on audit
begin select raise(abort, 'the audit trail is append-only'); end;
-- 'insert or replace' deletes without a trigger.
create trigger audit_is_never_replaced before insert on audit when exists (select 1 from audit where id = new.id)
begin select raise(abort, 'the audit trail is append-only'); end;
`;
