import { isIPv6 } from "node:net";

/** Mistypings of a whole office behind one address; nothing against 256 bits. */
const ALLOWED_FAILURES = 10;
const WINDOW_MS = 60_000;
/** The oldest gives way to the next: an attacker with many addresses costs a megabyte, not the daemon. */
const MAX_ADDRESSES = 10_000;

export type Judgement =
  | { isLockedOut: false }
  /** `isNew`: the first since it was let in. */
  | { isLockedOut: true; isNew: boolean; retryAfterMs: number };

/**
 * Counts invalid tokens by address. Who shows a valid token is not asked for here: one guesser behind an
 * address must not lock out its neighbours, and a guess of 256 bits does not become better by being heard.
 */
export class FailedAttempts {
  readonly #byAddress = new Map<string, { count: number; windowEndsMs: number }>();

  get addressCount(): number {
    return this.#byAddress.size;
  }

  note(address: string, nowMonotonicMs: number): Judgement {
    const key = networkOf(address);
    let entry = this.#byAddress.get(key);
    if (!entry || entry.windowEndsMs <= nowMonotonicMs) entry = { count: 0, windowEndsMs: nowMonotonicMs + WINDOW_MS };
    entry.count++;
    // Back in at the end: a map keeps the order in which its keys came.
    this.#byAddress.delete(key);
    this.#byAddress.set(key, entry);
    if (this.#byAddress.size > MAX_ADDRESSES) this.#byAddress.delete(this.#byAddress.keys().next().value ?? "");
    if (entry.count <= ALLOWED_FAILURES) return { isLockedOut: false };
    return {
      isLockedOut: true,
      isNew: entry.count === ALLOWED_FAILURES + 1,
      retryAfterMs: entry.windowEndsMs - nowMonotonicMs,
    };
  }
}

/** A household or a server has a /64 of IPv6 to itself, so its addresses count as one. */
export function networkOf(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped) return mapped;
  const bare = address.split("%")[0] ?? "";
  if (!isIPv6(bare)) return address;
  const [head = "", tail] = bare.split("::");
  const front = head === "" ? [] : head.split(":");
  if (tail === undefined) return `${front.slice(0, 4).join(":")}::/64`;
  const back = tail === "" ? [] : tail.split(":");
  const zeros = Array.from({ length: Math.max(0, 8 - front.length - back.length) }, () => "0");
  return `${[...front, ...zeros, ...back].slice(0, 4).join(":")}::/64`;
}
