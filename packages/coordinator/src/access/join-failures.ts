import type { ErrorCode } from "@drover/shared/error-codes.ts";
import { networkOf } from "./failed-attempts.ts";

/** The oldest gives way: what floods in must not cost memory, and the latest is what somebody looks for. */
const MAX_FAILURES = 200;

export interface JoinFailure {
  readonly address: string;
  readonly code: ErrorCode;
  readonly reason: string;
  readonly count: number;
  readonly firstAtMs: number;
  readonly lastAtMs: number;
}

/** Who tried to join and failed since the coordinator started, and why: one line for each network and reason. */
export class JoinFailures {
  readonly #byKey = new Map<string, JoinFailure>();

  note(address: string, code: ErrorCode, reason: string, nowMs: number): void {
    const key = `${networkOf(address)} ${code}`;
    const before = this.#byKey.get(key);
    this.#byKey.delete(key);
    const { count, firstAtMs } = before ?? { count: 0, firstAtMs: nowMs };
    this.#byKey.set(key, { address, code, reason, count: count + 1, firstAtMs, lastAtMs: nowMs });
    if (this.#byKey.size > MAX_FAILURES) this.#byKey.delete(this.#byKey.keys().next().value ?? "");
  }

  /** Newest first. */
  list(): JoinFailure[] {
    return [...this.#byKey.values()].toReversed();
  }
}
