import type { Clock } from "@drover/shared/clock.ts";
import { parseRetryAfter } from "@drover/shared/domain/source-answers.ts";
import { PullProblem } from "./pull-problem.ts";

const DEFAULT_RETRY_AFTER_MS = 60_000;

/** Nothing was asked: the origin said before that it wants to be left alone. */
export class OriginClosed extends PullProblem {
  constructor(host: string, waitMs: number) {
    super("rateLimited", `${host} asks to be left alone for ${Math.ceil(waitMs / 1000)} s`, waitMs);
  }
}

/** One origin that asks to be left alone is left alone by all pulls of this node, not found out by each of them. */
export class OriginLanes {
  readonly #clock: Clock;
  readonly #closedUntilMs = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** For as long as its answer says; returns that. */
  close(url: string, retryAfter: string | undefined): number {
    const waitMs = parseRetryAfter(retryAfter, this.#clock.nowMs()) ?? DEFAULT_RETRY_AFTER_MS;
    this.#closedUntilMs.set(new URL(url).origin, this.#clock.monotonicMs() + waitMs);
    return waitMs;
  }

  /** Throws rather than waits: whoever asks may hold what others could use. */
  enter(url: string): void {
    const { origin, host } = new URL(url);
    const waitMs = (this.#closedUntilMs.get(origin) ?? 0) - this.#clock.monotonicMs();
    if (waitMs > 0) throw new OriginClosed(host, waitMs);
  }
}

/** Rejects when the signal is aborted. */
export function sleep(clock: Clock, durationMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason as Error);
    const cancel = clock.callAfter(durationMs, () => {
      signal.removeEventListener("abort", onAbort);
      resolve();
    });
    function onAbort(): void {
      cancel();
      reject(signal.reason as Error);
    }
    signal.addEventListener("abort", onAbort, { once: true });
  });
}
