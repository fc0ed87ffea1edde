import { z } from "zod";
import { Role } from "../domain/role.ts";

const NAME = /^[a-z0-9][a-z0-9.-]{0,62}$/;

/** Who holds it, or what it is for: stands in events, jobs and the audit trail. */
export const TokenName = z
  .string()
  .regex(NAME, "a token's name is up to 63 lower-case letters, digits, dots and hyphens, such as anna or ci.nightly");

/** A token as everybody may know it: nothing of its secret. */
export const Token = z
  .object({
    name: TokenName,
    role: z.enum(Role),
    createdAt: z.iso.datetime(),
    createdBy: z.string(),
    /** `null` while it is valid. */
    revokedAt: z.iso.datetime().nullable(),
  })
  .meta({ id: "Token" });
export type Token = z.infer<typeof Token>;

export const TokenCreateRequest = z
  .strictObject({ name: TokenName, role: z.enum(Role) })
  .meta({ id: "TokenCreateRequest" });
export type TokenCreateRequest = z.infer<typeof TokenCreateRequest>;

export const CreatedToken = Token.extend({
  /** Told this once: only its hash is kept. */
  token: z.string(),
}).meta({ id: "CreatedToken" });
export type CreatedToken = z.infer<typeof CreatedToken>;

export const TokenList = z.object({ tokens: z.array(Token) }).meta({ id: "TokenList" });
export type TokenList = z.infer<typeof TokenList>;

/** One thing that somebody did, or was not allowed to do. */
export const AuditEntry = z
  .object({
    id: z.int(),
    at: z.iso.datetime(),
    /** The token's name; `null` where none, or no valid one, was shown. */
    actor: z.string().nullable(),
    role: z.enum(Role).nullable(),
    action: z.string(),
    /** The job, node, site or token that it was done to; of a new one its name, or `null` where it has none. */
    target: z.string().nullable(),
    /** `null`: on the coordinator's own machine, not through the API. */
    address: z.string().nullable(),
    verdict: z.enum(["allowed", "denied"]),
    /** Why it was denied. */
    code: z.string().nullable(),
  })
  .meta({ id: "AuditEntry" });
export type AuditEntry = z.infer<typeof AuditEntry>;

export const AuditQuery = z.strictObject({
  actor: z.string().optional().meta({ description: "Only what this token did" }),
  action: z.string().optional().meta({ description: "Only this action, such as `job.cancel`" }),
  verdict: z.enum(["allowed", "denied"]).optional(),
  limit: z.coerce.number().int().min(1).max(500).default(50),
  before: z.coerce.number().int().positive().optional().meta({ description: "`nextBefore` of the page before" }),
});
export type AuditQuery = z.output<typeof AuditQuery>;

/** Newest first. */
export const AuditList = z
  .object({ entries: z.array(AuditEntry), nextBefore: z.int().nullable() })
  .meta({ id: "AuditList" });
export type AuditList = z.infer<typeof AuditList>;
