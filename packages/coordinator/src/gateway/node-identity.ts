import type { ErrorCode } from "@drover/shared/error-codes.ts";
import type { Hello } from "@drover/shared/protocol/messages.ts";

/** Who a node is, found out before anything of its hello is believed. */
export interface NodeIdentity {
  readonly fleetId: string;
  /** `nonce`: what this connection was challenged with; `isLocal`: it comes from this machine, and may do without. */
  check(hello: Hello, nonce: string, isLocal: boolean): IdentityVerdict;
}

export type IdentityVerdict =
  /** `site`: the one that it was given when it joined wins over what it says. */
  | { ok: true; site: string | null; labels: Readonly<Record<string, string>> }
  | { ok: false; code: ErrorCode; detail: string };
