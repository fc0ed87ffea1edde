import type { AuditQuery } from "@drover/shared/api/access.ts";
import type { Role } from "@drover/shared/domain/role.ts";
import type { Database } from "./database.ts";

export interface TokenRecord {
  readonly name: string;
  readonly role: Role;
  readonly sha256: Uint8Array;
  readonly createdAtMs: number;
  readonly createdBy: string;
  readonly revokedAtMs: number | null;
}

export interface AuditRecord {
  readonly atMs: number;
  readonly actor: string | null;
  readonly role: Role | null;
  readonly action: string;
  readonly target: string | null;
  readonly address: string | null;
  readonly verdict: "allowed" | "denied";
  readonly code: string | null;
}

/** Tokens and the audit trail: written at once, beside the turns, because no part of the fleet hangs on them. */
export interface AccessStore {
  /** Valid and revoked, oldest first. */
  tokens(): TokenRecord[];
  /** A number that differs when another program has written, such as `token reset-admin`. */
  foreignVersion(): number;
  /** Revokes the valid tokens of that name first where `replaces`; with the record of who did it. */
  insertToken(token: TokenRecord, replaces: boolean, audit: AuditRecord | null): void;
  revokeToken(name: string, atMs: number): void;
  /** Written with the next turn, or by `flushAudit`, whichever comes first. */
  noteAudit(record: AuditRecord): void;
  /** Makes durable what was noted and no turn has taken; drops it where it cannot. */
  flushAudit(): void;
  /** Newest first. */
  audit(query: AuditQuery): (AuditRecord & { id: number })[];
}

export interface PreparedAccess extends AccessStore {
  /** Within a transaction: writes what was noted. */
  writeAudit(): void;
  /** That transaction is durable. */
  auditIsWritten(): void;
}

const TOKEN_COLUMNS =
  "name, role, sha256, created_at_ms as createdAtMs, created_by as createdBy, revoked_at_ms as revokedAtMs";

export function prepareAccess(database: Database): PreparedAccess {
  const tokens = database.prepare<[], TokenRecord>(`select ${TOKEN_COLUMNS} from tokens order by id`);
  const insertToken = database.prepare(
    `insert into tokens (name, role, sha256, created_at_ms, created_by, revoked_at_ms)
     values (@name, @role, @sha256, @createdAtMs, @createdBy, @revokedAtMs)`,
  );
  const revokeToken = database.prepare(
    "update tokens set revoked_at_ms = @atMs where name = @name and revoked_at_ms is null",
  );
  const insertAudit = database.prepare(
    `insert into audit (at_ms, actor, role, action, target, address, verdict, code)
     values (@atMs, @actor, @role, @action, @target, @address, @verdict, @code)`,
  );
  const audit = database.prepare<Record<string, unknown>, AuditRecord & { id: number }>(
    `select id, at_ms as atMs, actor, role, action, target, address, verdict, code from audit
     where id < @before
       and (@actor is null or actor = @actor)
       and (@action is null or action = @action)
       and (@verdict is null or verdict = @verdict)
     order by id desc limit @limit`,
  );
  let noted: AuditRecord[] = [];
  const writeAudit = (): void => {
    for (const record of noted) insertAudit.run(record);
  };
  const flush = database.transaction(writeAudit);

  return {
    tokens: () => tokens.all(),
    foreignVersion: () => database.pragma("data_version", { simple: true }) as number,
    insertToken: database.transaction((token: TokenRecord, replaces: boolean, entry: AuditRecord | null) => {
      if (replaces) revokeToken.run({ name: token.name, atMs: token.createdAtMs });
      insertToken.run(token);
      if (entry) insertAudit.run(entry);
    }),
    revokeToken: (name, atMs) => void revokeToken.run({ name, atMs }),
    noteAudit: (record) => void noted.push(record),
    flushAudit() {
      if (noted.length === 0) return;
      try {
        flush();
      } finally {
        noted = [];
      }
    },
    audit: ({ before, actor, action, verdict, limit }) =>
      audit.all({
        before: before ?? Number.MAX_SAFE_INTEGER,
        actor: actor ?? null,
        action: action ?? null,
        verdict: verdict ?? null,
        limit,
      }),
    writeAudit,
    auditIsWritten: () => void (noted = []),
  };
}
