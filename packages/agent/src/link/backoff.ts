/** Waits that double from `firstMs` to `maxMs`, each drawn from its whole range. */
export interface Backoff {
  nextDelayMs(): number;
  reset(): void;
}

/**
 * Full jitter: after a restart of the coordinator its agents come back spread over the whole interval instead of
 * all at once. `random` yields a number in [0, 1).
 */
export function createBackoff(firstMs: number, maxMs: number, random: () => number): Backoff {
  let ceilingMs = firstMs;
  return {
    nextDelayMs() {
      const delayMs = Math.round(ceilingMs * random());
      ceilingMs = Math.min(maxMs, ceilingMs * 2);
      return delayMs;
    },
    reset() {
      ceilingMs = firstMs;
    },
  };
}
