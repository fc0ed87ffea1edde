import type { NodeId } from "@drover/shared/domain/ids.ts";
import type { Database } from "./database.ts";

/** What an invitation gives to who joins by it. */
export interface Grant {
  readonly site: string | null;
  readonly labels: Readonly<Record<string, string>>;
  readonly namePattern: string | null;
}

export interface InviteRecord extends Grant {
  readonly id: string;
  readonly sha256: Uint8Array;
  readonly needsApproval: boolean;
  readonly uses: number;
  readonly usedCount: number;
  readonly createdAtMs: number;
  readonly createdBy: string;
  readonly expiresAtMs: number;
  readonly revokedAtMs: number | null;
}

export type EnrolmentState = "pending" | "enrolled" | "removed";

export interface EnrolmentRecord extends Grant {
  readonly nodeId: NodeId;
  readonly name: string;
  readonly state: EnrolmentState;
  /** Ed25519, as base64url; `null` of a node that was removed and had never joined. */
  readonly publicKey: string | null;
  readonly machineId: string | null;
  readonly inviteId: string | null;
  readonly address: string | null;
  readonly joinedAtMs: number;
}

/** Invitations and registrations: written at once, beside the turns, because no part of the fleet hangs on them. */
export interface EnrolmentStore {
  /** Drawn when the database was made; a copy of it is the same fleet. */
  fleetId(): string;
  /** Newest first. */
  invites(): InviteRecord[];
  invite(id: string): InviteRecord | null;
  insertInvite(invite: InviteRecord): void;
  revokeInvite(id: string, atMs: number): void;
  enrolments(): EnrolmentRecord[];
  enrolment(nodeId: NodeId): EnrolmentRecord | null;
  /** In the place of the node's registration of before; with the use of the invitation, or neither. */
  putEnrolment(enrolment: EnrolmentRecord, usesInvite: string | null): void;
}

type InviteRow = Omit<InviteRecord, "labels" | "needsApproval"> & { labels: string; needsApproval: number };
type EnrolmentRow = Omit<EnrolmentRecord, "labels"> & { labels: string };

const INVITE_COLUMNS = `id, sha256, site, labels, name_pattern as namePattern, needs_approval as needsApproval, uses,
  used_count as usedCount, created_at_ms as createdAtMs, created_by as createdBy, expires_at_ms as expiresAtMs,
  revoked_at_ms as revokedAtMs`;
const ENROLMENT_COLUMNS = `node_id as nodeId, name, state, public_key as publicKey, machine_id as machineId, site, labels,
  name_pattern as namePattern, invite_id as inviteId, address, joined_at_ms as joinedAtMs`;

export function prepareEnrolment(database: Database): EnrolmentStore {
  const fleetId = database.prepare<[], { fleetId: string }>("select fleet_id as fleetId from fleet");
  const invites = database.prepare<[], InviteRow>(
    `select ${INVITE_COLUMNS} from invites order by created_at_ms desc, id`,
  );
  const invite = database.prepare<[string], InviteRow>(`select ${INVITE_COLUMNS} from invites where id = ?`);
  const insertInvite = database.prepare(
    `insert into invites (id, sha256, site, labels, name_pattern, needs_approval, uses, used_count, created_at_ms,
       created_by, expires_at_ms, revoked_at_ms)
     values (@id, @sha256, @site, @labels, @namePattern, @needsApproval, @uses, @usedCount, @createdAtMs,
       @createdBy, @expiresAtMs, @revokedAtMs)`,
  );
  const revokeInvite = database.prepare("update invites set revoked_at_ms = ? where id = ? and revoked_at_ms is null");
  const useInvite = database.prepare("update invites set used_count = used_count + 1 where id = ?");
  const enrolments = database.prepare<[], EnrolmentRow>(
    `select ${ENROLMENT_COLUMNS} from enrolments order by joined_at_ms, node_id`,
  );
  const enrolment = database.prepare<[string], EnrolmentRow>(
    `select ${ENROLMENT_COLUMNS} from enrolments where node_id = ?`,
  );
  const putEnrolment = database.prepare(
    `insert or replace into enrolments (node_id, name, state, public_key, machine_id, site, labels, name_pattern,
       invite_id, address, joined_at_ms)
     values (@nodeId, @name, @state, @publicKey, @machineId, @site, @labels, @namePattern, @inviteId, @address,
       @joinedAtMs)`,
  );

  return {
    fleetId: () => fleetId.get()?.fleetId ?? "",
    invites: () => invites.all().map(inviteRecord),
    invite(id) {
      const row = invite.get(id);
      return row ? inviteRecord(row) : null;
    },
    insertInvite: (record) =>
      void insertInvite.run({
        ...record,
        labels: JSON.stringify(record.labels),
        needsApproval: Number(record.needsApproval),
      }),
    revokeInvite: (id, atMs) => void revokeInvite.run(atMs, id),
    enrolments: () => enrolments.all().map(enrolmentRecord),
    enrolment(nodeId) {
      const row = enrolment.get(nodeId);
      return row ? enrolmentRecord(row) : null;
    },
    putEnrolment: database.transaction((record: EnrolmentRecord, usesInvite: string | null) => {
      putEnrolment.run({ ...record, labels: JSON.stringify(record.labels) });
      if (usesInvite !== null) useInvite.run(usesInvite);
    }),
  };
}

function inviteRecord({ labels, needsApproval, ...row }: InviteRow): InviteRecord {
  return { ...row, labels: JSON.parse(labels) as Record<string, string>, needsApproval: needsApproval === 1 };
}

function enrolmentRecord({ labels, ...row }: EnrolmentRow): EnrolmentRecord {
  return { ...row, labels: JSON.parse(labels) as Record<string, string> };
}
