import type { EnrolmentRecord, EnrolmentStore, InviteRecord } from "@drover/coordinator/store/enrolment-store.ts";

/** The tables of registrations, which outlive every coordinator. */
export function memoryEnrolment(): EnrolmentStore {
  const invites = new Map<string, InviteRecord>();
  const enrolments = new Map<string, EnrolmentRecord>();
  return {
    fleetId: () => "simulated-fleet",
    invites: () => [...invites.values()],
    invite: (id) => invites.get(id) ?? null,
    insertInvite: (invite) => void invites.set(invite.id, invite),
    revokeInvite(id, atMs) {
      const invite = invites.get(id);
      if (invite) invites.set(id, { ...invite, revokedAtMs: atMs });
    },
    enrolments: () => [...enrolments.values()],
    enrolment: (nodeId) => enrolments.get(nodeId) ?? null,
    putEnrolment: (enrolment) => void enrolments.set(enrolment.nodeId, enrolment),
  };
}
