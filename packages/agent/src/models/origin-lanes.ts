import type { Clock } from "@drover/shared/clock.ts";

/** One origin that asks to be left alone is left alone by all pulls of this node, not found out by each of them. */
export class OriginLanes {
  readonly #clock: Clock;
  readonly #closedUntilMs = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  close(url: string, durationMs: number): void {
    this.#closedUntilMs.set(new URL(url).origin, this.#clock.monotonicMs() + durationMs);
  }

  /** Resolves when the origin may be asked; rejects when the pull is given up. */
  async enter(url: string, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const waitMs = (this.#closedUntilMs.get(new URL(url).origin) ?? 0) - this.#clock.monotonicMs();
    if (waitMs > 0) await sleep(this.#clock, waitMs, signal);
  }
}

/** Rejects when the signal is aborted. */
export function sleep(clock: Clock, durationMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
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
