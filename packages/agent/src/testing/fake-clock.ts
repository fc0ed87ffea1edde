import type { Clock } from "@drover/shared/clock.ts";

export interface FakeClock extends Clock {
  /** Lets time pass and calls what falls due, in order. */
  advanceBy(durationMs: number): void;
}

export function createFakeClock(): FakeClock {
  let nowMs = 0;
  const timers = new Set<{ atMs: number; fn: () => void }>();
  return {
    nowMs: () => 1_700_000_000_000 + nowMs,
    monotonicMs: () => nowMs,
    callAfter(delayMs, fn) {
      const timer = { atMs: nowMs + delayMs, fn };
      timers.add(timer);
      return () => timers.delete(timer);
    },
    callSoon: queueMicrotask,
    advanceBy(durationMs) {
      const endMs = nowMs + durationMs;
      for (;;) {
        const [next] = [...timers].filter((timer) => timer.atMs <= endMs).sort((a, b) => a.atMs - b.atMs);
        if (next === undefined) break;
        timers.delete(next);
        nowMs = next.atMs;
        next.fn();
      }
      nowMs = endMs;
    },
  };
}
