import type { JobDetail } from "@drover/shared/api/jobs.ts";
import type { Remembered } from "./fleet/database.ts";

/** A task over all lives of its job: ids are given anew after a restore, keys are the submitter's. */
export type TaskName = `${string}.${number}`;

export function taskName(key: string, index: number): TaskName {
  return `${key}.${index}`;
}

/** Every job of the run carries its idempotency key as a label too, where the API shows it. */
export const KEY_LABEL = "chaosKey";

export interface KeyedJob {
  key: string;
  jobId: number;
}

interface Promised extends KeyedJob {
  atMs: number;
}

interface SeenState {
  state: string;
  atMs: number;
}

/** A copy of the database, and what it is known to hold because it was known before the copying began. */
export interface Copy {
  file: string;
  beganAtMs: number;
}

/**
 * What the coordinator has promised to the outside, and what of it a restore from a copy has taken back:
 * exactly what came after the copy, and nothing that came before.
 */
export class Book {
  readonly #nowMs: () => number;
  readonly #acknowledged: Promised[] = [];
  readonly #canceled: Promised[] = [];
  readonly #seen = new Map<TaskName, SeenState[]>();
  readonly #forgottenAttemptIds = new Set<string>();
  /** What broke a promise before the end, in words. */
  readonly violations: string[] = [];
  forgottenJobCount = 0;
  /**
   * Grows with each restore. An answer to a question of an earlier life may come from either, so it counts as
   * not received: a client would ask again.
   */
  life = 0;

  constructor(nowMs: () => number = () => performance.now()) {
    this.#nowMs = nowMs;
  }

  /** Every answer that a submission was accepted, repeats included. */
  get acknowledged(): readonly KeyedJob[] {
    return this.#acknowledged;
  }

  /** Jobs of which it was acknowledged that they are being canceled. */
  get canceledJobs(): readonly KeyedJob[] {
    return this.#canceled;
  }

  /** Made by a coordinator after the copy from which it was restored: nobody can know of them. */
  get forgottenAttemptIds(): ReadonlySet<string> {
    return this.#forgottenAttemptIds;
  }

  /** False where the answer does not count. */
  acknowledge(key: string, jobId: number, askedInLife: number): boolean {
    if (askedInLife !== this.life) return false;
    this.#acknowledged.push({ key, jobId, atMs: this.#nowMs() });
    return true;
  }

  acknowledgeCancel(key: string, jobId: number, askedInLife: number): boolean {
    if (askedInLife !== this.life) return false;
    this.#canceled.push({ key, jobId, atMs: this.#nowMs() });
    return true;
  }

  see(job: JobDetail, askedInLife: number): void {
    const key = job.labels[KEY_LABEL];
    if (askedInLife !== this.life || key === undefined) return;
    for (const { index, state } of job.tasks) {
      const name = taskName(key, index);
      const seen = this.#seen.get(name) ?? [];
      this.#seen.set(name, seen);
      if (seen.at(-1)?.state !== state) seen.push({ state, atMs: this.#nowMs() });
    }
  }

  statesOf(task: TaskName): string[] {
    return (this.#seen.get(task) ?? []).map(({ state }) => state);
  }

  /**
   * The coordinator has just been killed with `before` in its database, and will start with `after`. Yields what
   * is forgotten now.
   */
  restore(copy: Copy, before: Remembered, after: Remembered): { jobs: number; attempts: number } {
    this.life++;
    for (const { key, jobId, atMs } of this.#acknowledged) {
      if (before.jobIdByKey.get(key) !== jobId)
        this.violations.push(`job ${jobId} was acknowledged for ${key} and is not in the database`);
      if (atMs < copy.beganAtMs && after.jobIdByKey.get(key) !== jobId)
        this.violations.push(
          `job ${jobId} was acknowledged for ${key} before the database was copied, and is not in the copy`,
        );
    }
    const jobs = [...before.jobIdByKey.keys()].filter((key) => !after.jobIdByKey.has(key));
    const attempts = [...before.attemptIds].filter((id) => !after.attemptIds.has(id));
    for (const id of attempts) this.#forgottenAttemptIds.add(id);
    this.forgottenJobCount += jobs.length;
    // What the copy holds of what was acknowledged while it was made stays promised: it is there.
    keep(this.#acknowledged, ({ key, jobId }) => after.jobIdByKey.get(key) === jobId);
    keep(this.#canceled, ({ atMs }) => atMs < copy.beganAtMs);
    for (const seen of this.#seen.values()) keep(seen, ({ atMs }) => atMs < copy.beganAtMs);
    return { jobs: jobs.length, attempts: attempts.length };
  }
}

function keep<T>(items: T[], isKept: (item: T) => boolean): void {
  items.splice(0, items.length, ...items.filter(isKept));
}
