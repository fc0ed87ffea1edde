/**
 * The only way to time outside the pure core, so that tests and the simulator own it.
 *
 * `nowMs` is the wall clock (epoch milliseconds): for what is stored or shown, never for durations,
 * because it may jump by hours. `monotonicMs` only ever grows: for leases, timeouts and back-off.
 */
export interface Clock {
  nowMs(): number;
  monotonicMs(): number;
  /** Calls `fn` once after `delayMs`; returns a function that cancels it. */
  callAfter(delayMs: number, fn: () => void): () => void;
  /** Calls `fn` when the I/O of this round of the event loop has been taken: what comes together is handled together. */
  callSoon(fn: () => void): void;
}

export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  callAfter(delayMs, fn) {
    const timer = setTimeout(fn, delayMs);
    return () => clearTimeout(timer);
  },
  callSoon: (fn) => void setImmediate(fn),
};
