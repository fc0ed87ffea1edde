import type { Clock } from "@drover/shared/clock.ts";

/** A tick that is later than this means that the process was stopped, swapped out or busy. */
const STALL_MS = 2000;

/**
 * Knows when the coordinator itself was away, by how late its next tick is. Whoever acts first asks, and that need
 * not be the tick: a turn that waited to be tried again may hold one from before the stall, and would judge every
 * lease by it (simulation seed 724883983).
 */
export class StallWatch {
  readonly #clock: Clock;
  #dueMs = Infinity;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  expectTick(inMs: number): void {
    this.#dueMs = this.#clock.monotonicMs() + inMs;
  }

  /** How long the process was away since it was last asked; 0 where that is less than a stall. */
  take(): number {
    const nowMs = this.#clock.monotonicMs();
    const lateMs = nowMs - this.#dueMs;
    if (lateMs <= STALL_MS) return 0;
    // The tick itself is still to come, and must not count the same time again.
    this.#dueMs = nowMs;
    return lateMs;
  }
}
