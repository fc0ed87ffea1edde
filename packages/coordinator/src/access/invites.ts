import { createHash, randomBytes, randomInt, timingSafeEqual } from "node:crypto";
import type { Clock } from "@drover/shared/clock.ts";
import { INVITE_ID_CHARS, JOIN_SECRET_BYTES, parseJoinToken } from "@drover/shared/domain/join-token.ts";
import { DroverError } from "@drover/shared/errors.ts";
import type { EnrolmentStore, Grant, InviteRecord } from "../store/enrolment-store.ts";

const ID_ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789";
/** Compared with where there is no such invitation, so that this takes as long. */
const NOBODYS_SHA256 = Buffer.alloc(32);

export interface InviteWish extends Grant {
  readonly needsApproval: boolean;
  readonly uses: number;
  readonly expiresAfterMs: number;
}

/** Who may join, how often and until when. */
export class Invites {
  readonly #store: EnrolmentStore;
  readonly #clock: Clock;

  constructor(store: EnrolmentStore, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  /** Newest first, those too that are no longer good. */
  list(): InviteRecord[] {
    return this.#store.invites();
  }

  /** Good, and used by nobody. */
  unused(): InviteRecord[] {
    return this.list().filter((invite) => invite.usedCount === 0 && this.#problemOf(invite) === null);
  }

  create({ expiresAfterMs, ...wish }: InviteWish, createdBy: string): { record: InviteRecord; secret: string } {
    const secret = randomBytes(JOIN_SECRET_BYTES).toString("base64url");
    const createdAtMs = this.#clock.nowMs();
    const record: InviteRecord = {
      ...wish,
      id: newId(),
      sha256: sha256Of(secret),
      usedCount: 0,
      createdAtMs,
      createdBy,
      expiresAtMs: createdAtMs + expiresAfterMs,
      revokedAtMs: null,
    };
    this.#store.insertInvite(record);
    return { record, secret };
  }

  /** Those who have joined by it stay. `invite.notFound` */
  revoke(id: string): InviteRecord {
    const invite = this.#store.invite(id);
    if (!invite || invite.revokedAtMs !== null)
      throw new DroverError("invite.notFound", "No invitation that is still good has this id.");
    const revokedAtMs = this.#clock.nowMs();
    this.#store.revokeInvite(id, revokedAtMs);
    return { ...invite, revokedAtMs };
  }

  /** The invitation whose token this is, good or not. `join.tokenInvalid`: nobody's. */
  find(token: string): InviteRecord {
    const parsed = parseJoinToken(token);
    const invite = parsed && this.#store.invite(parsed.id);
    const isRight = timingSafeEqual(invite?.sha256 ?? NOBODYS_SHA256, sha256Of(parsed?.secret ?? ""));
    if (invite && isRight) return invite;
    throw new DroverError("join.tokenInvalid", "The join token is not valid here.");
  }

  /** `join.token…` where nobody may join by it any more. */
  requireGood(invite: InviteRecord): void {
    const problem = this.#problemOf(invite);
    if (problem) throw problem;
  }

  #problemOf({ id, revokedAtMs, expiresAtMs, usedCount, uses }: InviteRecord): DroverError | null {
    if (revokedAtMs !== null) return new DroverError("join.tokenRevoked", `The invitation ${id} was revoked.`);
    if (expiresAtMs <= this.#clock.nowMs())
      return new DroverError("join.tokenExpired", `The invitation ${id} was good until ${timeOf(expiresAtMs)}.`);
    if (usedCount >= uses)
      return new DroverError(
        "join.tokenExhausted",
        `The invitation ${id} was for ${uses}, and ${usedCount} have joined.`,
      );
    return null;
  }
}

function timeOf(epochMs: number): string {
  return new Date(epochMs).toISOString();
}

function sha256Of(secret: string): Buffer {
  return createHash("sha256").update(secret).digest();
}

function newId(): string {
  return Array.from({ length: INVITE_ID_CHARS }, () => ID_ALPHABET[randomInt(ID_ALPHABET.length)]).join("");
}
