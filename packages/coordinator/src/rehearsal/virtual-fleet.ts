import type { AttemptId } from "@drover/shared/domain/ids.ts";
import { Effects } from "../core/effects.ts";
import { Fleet, type FleetSettings, type Instant } from "../core/fleet.ts";
import type { Input } from "../core/input.ts";
import { MinHeap } from "../core/scheduler/min-heap.ts";
import { placeTasks } from "../core/scheduler/place-tasks.ts";
import type { SchedulingPolicy } from "../core/scheduler/policy.ts";
import { step } from "../core/step.ts";

const SETTINGS: FleetSettings = {
  incarnation: "rehearsal",
  leaseMs: 60_000,
  heartbeatIntervalMs: 5_000,
  stopGraceMs: 10_000,
  // No model is brought anywhere.
  hubEndpoint: "https://hub.invalid",
};
/** Where the virtual clock begins; no moment is special, but 0 is not a time of day. */
const EPOCH_MS = 1_700_000_000_000;

interface Moment {
  readonly atMs: number;
  readonly input: () => Input;
}

/** The coordinator's own core under a virtual clock: nodes that never fail, and tasks that run as long as they are said to. */
export class VirtualFleet {
  readonly fleet: Fleet;
  readonly #moments = new MinHeap<Moment & { order: number }>((a, b) => a.atMs - b.atMs || a.order - b.order);
  readonly #onAssigned: (attemptId: AttemptId, atMs: number) => void;
  #order = 0;

  constructor(policy: SchedulingPolicy, onAssigned: (attemptId: AttemptId, atMs: number) => void) {
    this.fleet = new Fleet(SETTINGS, 1, policy);
    this.#onAssigned = onAssigned;
  }

  at(atMs: number, input: () => Input): void {
    this.#moments.push({ atMs, input, order: this.#order++ });
  }

  /** Everything of one moment is one turn, as in the coordinator. */
  run(): void {
    for (let moment = this.#moments.peek(); moment; moment = this.#moments.peek()) {
      const { atMs } = moment;
      const now = instantAt(atMs);
      const effects = new Effects();
      for (let due = this.#moments.peek(); due?.atMs === atMs; due = this.#moments.peek()) {
        this.#moments.pop();
        step(this.fleet, due.input(), effects, now);
      }
      placeTasks(this.fleet, effects, now);
      this.fleet.commit();
      for (const event of effects.events)
        if (event.event === "attempt.assigned") this.#onAssigned(event.attemptId as AttemptId, atMs);
    }
  }
}

/** So long after the beginning of the virtual time. */
export function instantAt(atMs: number): Instant {
  return { wallMs: EPOCH_MS + atMs, monotonicMs: atMs };
}
