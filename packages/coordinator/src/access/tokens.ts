import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import type { Clock } from "@drover/shared/clock.ts";
import type { Role } from "@drover/shared/domain/role.ts";
import { TOKEN_BYTES, TOKEN_PREFIX } from "@drover/shared/domain/token.ts";
import { DroverError } from "@drover/shared/errors.ts";
import type { AccessStore, TokenRecord } from "../store/access-store.ts";

/** Who asks: the name and role of a valid token. */
export interface Caller {
  readonly name: string;
  readonly role: Role;
}

const ADMIN = "admin";
/** The actor where somebody has the coordinator's machine itself. */
const MACHINE = "machine";
/** Who shows the token of the local file. */
const LOCAL = "local";
/** Names that no admin can give, because they mean something else wherever an actor is shown. */
const OWN_NAMES: ReadonlySet<string> = new Set([ADMIN, LOCAL, MACHINE]);
/** All are compared with each request: 0.1 ms for so many. */
const MAX_VALID_TOKENS = 1000;

export function newToken(): string {
  return `${TOKEN_PREFIX}${randomBytes(TOKEN_BYTES).toString("base64url")}`;
}

function sha256Of(token: string): Buffer {
  return createHash("sha256").update(token).digest();
}

/** The tokens that are valid now, and what admins do to them. */
export class Tokens {
  readonly #store: AccessStore;
  readonly #clock: Clock;
  /** The token of the local file: valid, and in no database. */
  readonly #local: { sha256: Buffer; caller: Caller } | null;
  #valid: TokenRecord[] = [];
  #seenVersion = -1;

  constructor(store: AccessStore, clock: Clock, localToken: string | null) {
    this.#store = store;
    this.#clock = clock;
    this.#local = localToken === null ? null : { sha256: sha256Of(localToken), caller: { name: LOCAL, role: "admin" } };
    this.#reload();
  }

  get hasAdmin(): boolean {
    return this.#local !== null || this.#valid.some(({ role }) => role === "admin");
  }

  /** `null`: no valid token. Takes as long for a wrong token as for any right one. */
  authenticate(token: string): Caller | null {
    if (this.#store.foreignVersion() !== this.#seenVersion) this.#reload();
    const sha256 = sha256Of(token);
    let caller: Caller | null = null;
    for (const { name, role, sha256: valid } of this.#valid)
      if (timingSafeEqual(valid, sha256)) caller = { name, role };
    if (this.#local && timingSafeEqual(this.#local.sha256, sha256)) caller = this.#local.caller;
    return caller;
  }

  /** Oldest first, the revoked ones too. */
  list(): TokenRecord[] {
    return this.#store.tokens();
  }

  /** `token.nameTaken`, `token.tooMany`, `storage.*` */
  create(name: string, role: Role, createdBy: string): { record: TokenRecord; token: string } {
    this.#reload();
    if (OWN_NAMES.has(name) || this.#valid.some((valid) => valid.name === name))
      throw new DroverError("token.nameTaken", `The name "${name}" is taken.`);
    if (this.#valid.length >= MAX_VALID_TOKENS)
      throw new DroverError("token.tooMany", `There are ${this.#valid.length} valid tokens.`);
    const token = newToken();
    const record = tokenRecord(name, role, createdBy, token, this.#clock.nowMs());
    this.#store.insertToken(record, false, null);
    this.#reload();
    return { record, token };
  }

  /** From now on it is not valid. `token.notFound` */
  revoke(name: string): TokenRecord {
    this.#reload();
    const valid = this.#valid.find((record) => record.name === name);
    if (!valid) throw new DroverError("token.notFound", "No valid token has this name.");
    const revokedAtMs = this.#clock.nowMs();
    this.#store.revokeToken(name, revokedAtMs);
    this.#reload();
    return { ...valid, revokedAtMs };
  }

  /** A new token named `admin` in the place of the one there may be; for who has the machine itself. */
  resetAdmin(): string {
    const token = newToken();
    const nowMs = this.#clock.nowMs();
    this.#store.insertToken(tokenRecord(ADMIN, "admin", MACHINE, token, nowMs), true, {
      atMs: nowMs,
      actor: MACHINE,
      role: null,
      action: "token.resetAdmin",
      target: ADMIN,
      address: null,
      verdict: "allowed",
      code: null,
    });
    this.#reload();
    return token;
  }

  #reload(): void {
    // Before the read: what comes in between is seen once more, not missed.
    this.#seenVersion = this.#store.foreignVersion();
    this.#valid = this.#store.tokens().filter(({ revokedAtMs }) => revokedAtMs === null);
  }
}

function tokenRecord(name: string, role: Role, createdBy: string, token: string, createdAtMs: number): TokenRecord {
  return { name, role, sha256: sha256Of(token), createdAtMs, createdBy, revokedAtMs: null };
}
