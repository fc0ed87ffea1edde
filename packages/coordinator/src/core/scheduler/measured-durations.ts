import { Blame } from "@drover/shared/domain/attempt.ts";
import type { AttemptRecord } from "../records.ts";

/** So many of the latest runs of a name count. */
const MAX_RUNS = 8;
/** Names beyond this many are forgotten, the one that was heard of longest ago first. */
const MAX_NAMES = 10_000;

/**
 * How long jobs of a name ran, for those that come again and say nothing of it: the longest of the latest runs that
 * succeeded. Learnt from what is durable, so no turn takes it back.
 */
export class MeasuredDurations {
  readonly #runsByName = new Map<string, number[]>();

  /** An attempt has become history. */
  learnFrom({ startedAtMs, endedAtMs, blame }: AttemptRecord, name: string | null): void {
    if (name === null || startedAtMs === null || endedAtMs === null || blame !== Blame.none) return;
    this.learn(name, endedAtMs - startedAtMs);
  }

  learn(name: string, durationMs: number): void {
    const runs = this.#runsByName.get(name) ?? [];
    this.#runsByName.delete(name);
    this.#runsByName.set(name, [...runs.slice(1 - MAX_RUNS), Math.max(0, durationMs)]);
    if (this.#runsByName.size <= MAX_NAMES) return;
    for (const oldest of this.#runsByName.keys()) {
      this.#runsByName.delete(oldest);
      break;
    }
  }

  of(name: string | null): number | null {
    const runs = name === null ? undefined : this.#runsByName.get(name);
    return runs ? Math.max(...runs) : null;
  }
}
