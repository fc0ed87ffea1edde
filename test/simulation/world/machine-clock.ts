import type { Clock } from "@drover/shared/clock.ts";
import type { Process } from "./process.ts";
import type { Timeline } from "./timeline.ts";

/** 2023-11-14: any day will do, as long as it is the same one. */
const EPOCH_MS = 1_700_000_000_000;

/** The two clocks of one machine: a monotonic one that drifts and begins anew with each boot, and a wall clock that jumps. */
export class MachineClock {
  readonly #timeline: Timeline;
  /** Machine seconds per true second. */
  readonly #rate: number;
  #bootedAtMs = 0;
  #wallOffsetMs: number;

  constructor(timeline: Timeline, rate: number, wallOffsetMs: number) {
    this.#timeline = timeline;
    this.#rate = rate;
    this.#wallOffsetMs = wallOffsetMs;
  }

  boot(): void {
    this.#bootedAtMs = this.#timeline.nowMs;
  }

  jumpWall(byMs: number): void {
    // A clock that shows a time before 1970 is refused by the protocol, as it should be.
    this.#wallOffsetMs = Math.max(-EPOCH_MS / 2, this.#wallOffsetMs + byMs);
  }

  monotonicMs(): number {
    return (this.#timeline.nowMs - this.#bootedAtMs) * this.#rate;
  }

  wallMs(): number {
    return Math.floor(EPOCH_MS + this.#wallOffsetMs + this.#timeline.nowMs * this.#rate);
  }

  /** True milliseconds that pass while this machine counts so many. */
  trueMs(machineMs: number): number {
    return machineMs / this.#rate;
  }

  /** When it is true time, at which this machine's monotonic clock shows so much. */
  trueTimeOf(monotonicMs: number): number {
    return this.#bootedAtMs + monotonicMs / this.#rate;
  }

  /** The clock as one process of the machine sees it. */
  of(process: Process): Clock {
    return {
      nowMs: () => this.wallMs(),
      monotonicMs: () => this.monotonicMs(),
      // As setTimeout: a millisecond at the least.
      callAfter: (delayMs, fn) => process.after(this.trueMs(Math.max(1, delayMs)), fn),
      callSoon: (fn) => void process.after(0, fn),
    };
  }
}
