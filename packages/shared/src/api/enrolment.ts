import { z } from "zod";
import { NodeId } from "../domain/ids.ts";
import { LABEL, LABEL_RULE } from "../domain/label.ts";
import { Site } from "../domain/node.ts";
import { Duration, MS_PER_DAY } from "../units.ts";

const MAX_LABELS = 64;
const DEFAULT_EXPIRY = "24h";
const NodeName = z.string().min(1).max(200);

const NodeLabels = z
  .record(z.string().regex(LABEL, `a label's key is ${LABEL_RULE}`), z.string().max(200))
  .refine((labels) => Object.keys(labels).length <= MAX_LABELS, `a node has at most ${MAX_LABELS} labels`);

/** What an invitation gives to the machines that join by it. */
const Grant = z.object({
  /** Wins over what the agent itself says; `null`: the agent says. */
  site: z.string().nullable(),
  labels: z.record(z.string(), z.string()),
  /** Which names they may have, `gpu-*`; `null`: any. */
  namePattern: z.string().nullable(),
  /** Whether an operator lets each of them in. */
  needsApproval: z.boolean(),
});

export const Invite = Grant.extend({
  id: z.string(),
  uses: z.int().positive(),
  usedCount: z.int().nonnegative(),
  createdAt: z.iso.datetime(),
  createdBy: z.string(),
  expiresAt: z.iso.datetime(),
  revokedAt: z.iso.datetime().nullable(),
}).meta({ id: "Invite" });
export type Invite = z.infer<typeof Invite>;

export const InviteRequest = z
  .strictObject({
    site: Site.optional(),
    labels: NodeLabels.optional(),
    namePattern: z.string().min(1).max(200).optional().meta({ description: "`*` and `?` stand for what may vary" }),
    uses: z.int().min(1).max(10_000).default(1),
    expires: Duration.refine((ms) => ms <= 365 * MS_PER_DAY, "an invitation is good for a year at the most")
      .default(MS_PER_DAY)
      .meta({ description: `How long it is good for; ${DEFAULT_EXPIRY} where it is not said` }),
    needsApproval: z.boolean().default(false),
  })
  .meta({ id: "InviteRequest" });
export type InviteRequest = z.input<typeof InviteRequest>;

export const CreatedInvite = Invite.extend({
  /** Told this once: only its hash is kept. */
  token: z.string(),
  /** Where machines reach the coordinator. */
  coordinatorUrl: z.string(),
  /** What curl's --pinnedpubkey wants after `sha256//`; `null` where the machine knows by itself whom to trust. */
  publicKeyPin: z.string().nullable(),
}).meta({ id: "CreatedInvite" });
export type CreatedInvite = z.infer<typeof CreatedInvite>;

export const InviteList = z.object({ invites: z.array(Invite) }).meta({ id: "InviteList" });
export type InviteList = z.infer<typeof InviteList>;

/** Of an agent, with a join token in its Authorization header. */
export const JoinRequest = z
  .object({
    nodeId: NodeId,
    name: NodeName,
    machineId: z.string().min(1).max(200).nullable(),
    /** Ed25519, 32 bytes as base64url: whose other half never leaves the machine. */
    publicKey: z.string().regex(/^[A-Za-z0-9_-]{43}$/, "a public key is 32 bytes as base64url"),
    /** Of the fleet that it is of already. */
    fleetId: z.string().max(200).nullable(),
  })
  .meta({ id: "JoinRequest" });
export type JoinRequest = z.infer<typeof JoinRequest>;

export const JoinAnswer = z
  .object({ fleetId: z.string(), state: z.enum(["enrolled", "pending"]), site: z.string().nullable() })
  .meta({ id: "JoinAnswer" });
export type JoinAnswer = z.infer<typeof JoinAnswer>;

/** A machine's registration. */
export const Enrolment = z
  .object({
    nodeId: z.string(),
    name: z.string(),
    state: z.enum(["pending", "enrolled", "removed"]),
    site: z.string().nullable(),
    labels: z.record(z.string(), z.string()),
    /** `null`: it was removed without ever having joined. */
    inviteId: z.string().nullable(),
    address: z.string().nullable(),
    joinedAt: z.iso.datetime(),
  })
  .meta({ id: "Enrolment" });
export type Enrolment = z.infer<typeof Enrolment>;

/** What is on its way in, or tries to be. */
export const PendingEnrolments = z
  .object({
    waiting: z.array(Enrolment),
    unusedInvites: z.array(Invite),
    failures: z.array(
      z.object({
        address: z.string(),
        code: z.string(),
        reason: z.string(),
        count: z.int(),
        firstAt: z.iso.datetime(),
        lastAt: z.iso.datetime(),
      }),
    ),
  })
  .meta({ id: "PendingEnrolments" });
export type PendingEnrolments = z.infer<typeof PendingEnrolments>;
