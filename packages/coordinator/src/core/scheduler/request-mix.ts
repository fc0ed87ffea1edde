import { DEFAULT_RESOURCES } from "@drover/shared/domain/job.ts";
import { isTerminalTaskState } from "@drover/shared/domain/task.ts";
import type { TaskRecord } from "../records.ts";
import { Demand, type Demands } from "./demand.ts";

/** Beyond this many every count is halved: what was asked for long ago fades. */
const MAX_REMEMBERED = 16_384;
/** The most frequent ones stand for all; the trace of README.md needs no more than 16 to be packed as well. */
const MAX_TYPICAL = 64;

export interface TypicalDemand {
  readonly demand: Demand;
  /** How many of the remembered tasks asked for this. */
  readonly count: number;
}

/**
 * What the next task will probably ask for, learnt from the tasks that were submitted. Not stored: after a restart it
 * is learnt again from those that wait or run.
 */
export class RequestMix {
  readonly #demands: Demands;
  readonly #counts = new Map<string, { demand: Demand; count: number }>();
  /** Somebody may always come who wants a whole GPU: as if one task had asked for it. */
  readonly #wholeGpu = { demand: new Demand({ ...DEFAULT_RESOURCES, gpuCount: 1 }), count: 1 };
  #remembered = 0;
  /** How many were ever learnt from. */
  learntCount = 0;

  constructor(demands: Demands) {
    this.#demands = demands;
  }

  onTaskChange(before: TaskRecord | undefined, after: TaskRecord | undefined): void {
    if (!before && after) this.learn(this.#demands.of(after.request));
    // Its submission is taken back. One that has ended leaves memory, and is remembered here all the same.
    else if (before && !after && !isTerminalTaskState(before.state)) this.#forget(this.#demands.of(before.request));
  }

  learn(demand: Demand): void {
    const entry = this.#counts.get(demand.key);
    if (entry) entry.count++;
    else this.#counts.set(demand.key, { demand, count: 1 });
    this.learntCount++;
    if (++this.#remembered > MAX_REMEMBERED) this.#fade();
  }

  get rememberedCount(): number {
    return this.#remembered;
  }

  /** A whole GPU, and the most frequent of what was asked for. */
  typical(): TypicalDemand[] {
    const entries = [...this.#counts.values()];
    entries.sort((a, b) => b.count - a.count || (a.demand.key < b.demand.key ? -1 : 1));
    return [this.#wholeGpu, ...entries.slice(0, MAX_TYPICAL)].map(({ demand, count }) => ({ demand, count }));
  }

  #forget(demand: Demand): void {
    const entry = this.#counts.get(demand.key);
    if (!entry) return;
    this.#remembered--;
    if (--entry.count === 0) this.#counts.delete(demand.key);
  }

  #fade(): void {
    this.#remembered = 0;
    for (const [key, entry] of this.#counts) {
      entry.count = Math.floor(entry.count / 2);
      this.#remembered += entry.count;
      if (entry.count === 0) this.#counts.delete(key);
    }
  }
}
