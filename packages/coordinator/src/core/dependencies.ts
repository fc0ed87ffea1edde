import { judgeDependency, type JobDependency } from "@drover/shared/domain/dependency.ts";
import type { JobId } from "@drover/shared/domain/ids.ts";
import { isTerminalJobState } from "@drover/shared/domain/job.ts";
import type { JobRecord } from "./records.ts";

export interface DependenciesOptions {
  jobOf: (jobId: JobId) => JobRecord | undefined;
  /** A job whose tasks may exist already is held from now on, or no longer. */
  onHoldChange: (job: JobRecord, isHeld: boolean) => void;
}

/**
 * Which live jobs come after which, and which of them are held because of it: derived from the jobs that are
 * in memory, never stored.
 *
 * A dependency that has left memory is history, and must have been met: a turn in which it ended otherwise
 * has ended its dependents too (end-dependents.ts). So what is still unmet after a restart follows from which
 * jobs have not ended.
 */
export class Dependencies {
  readonly #options: DependenciesOptions;
  readonly #dependents = new Map<JobId, Set<JobId>>();
  readonly #held = new Set<JobId>();
  #endedIds: JobId[] = [];

  constructor(options: DependenciesOptions) {
    this.#options = options;
  }

  onJobChange(before: JobRecord | undefined, after: JobRecord | undefined): void {
    const isLive = isLiveJob(after);
    if (isLiveJob(before) === isLive) return;
    const job = (after ?? before) as JobRecord;
    if (isLive) this.#add(job, before !== undefined);
    else this.#remove(job);
    const dependents = this.#dependents.get(job.id);
    if (!dependents) return;
    for (const dependentId of dependents) this.#review(dependentId);
    if (after && !isLive) this.#endedIds.push(job.id);
  }

  /** The tasks of a held job are no business of the scheduler. */
  isHeld(jobId: JobId): boolean {
    return this.#held.has(jobId);
  }

  heldJobIds(): ReadonlySet<JobId> {
    return this.#held;
  }

  /** Live jobs that come after this one. */
  dependentsOf(jobId: JobId): ReadonlySet<JobId> {
    return this.#dependents.get(jobId) ?? new Set();
  }

  /** The jobs that stand between a job and the queue. */
  awaitedBy({ spec }: JobRecord): JobRecord[] {
    return spec.after
      .filter((dependency) => this.#isUnmet(dependency))
      .map(({ jobId }) => this.#options.jobOf(jobId))
      .filter((job) => job !== undefined);
  }

  /** Jobs that others come after and that have ended since the last call; forgets them. */
  takeEnded(): readonly JobId[] {
    const endedIds = this.#endedIds;
    this.#endedIds = [];
    return endedIds;
  }

  #add(job: JobRecord, mayHaveTasks: boolean): void {
    for (const { jobId } of job.spec.after) {
      const dependents = this.#dependents.get(jobId);
      if (dependents) dependents.add(job.id);
      else this.#dependents.set(jobId, new Set([job.id]));
    }
    if (!job.spec.after.some((dependency) => this.#isUnmet(dependency))) return;
    this.#held.add(job.id);
    if (mayHaveTasks) this.#options.onHoldChange(job, true);
  }

  /** It has ended, so none of its tasks waits any more. */
  #remove(job: JobRecord): void {
    for (const { jobId } of job.spec.after) {
      const dependents = this.#dependents.get(jobId);
      dependents?.delete(job.id);
      if (dependents?.size === 0) this.#dependents.delete(jobId);
    }
    this.#held.delete(job.id);
  }

  #review(jobId: JobId): void {
    const job = this.#options.jobOf(jobId);
    const isHeld = job?.spec.after.some((dependency) => this.#isUnmet(dependency)) ?? false;
    if (!job || isHeld === this.#held.has(jobId)) return;
    if (isHeld) this.#held.add(jobId);
    else this.#held.delete(jobId);
    this.#options.onHoldChange(job, isHeld);
  }

  #isUnmet({ jobId, when }: JobDependency): boolean {
    const job = this.#options.jobOf(jobId);
    return job !== undefined && judgeDependency(when, job.state) !== "met";
  }
}

function isLiveJob(job: JobRecord | undefined): boolean {
  return job !== undefined && !isTerminalJobState(job.state);
}
