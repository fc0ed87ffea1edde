import type { AttemptRecord, JobRecord } from "../records.ts";

/** So much longer than the shortest task one is put behind it, at the most. */
export const MAX_HANDICAP_MS = 3_600_000;
const MINUTE_MS = 60_000;

/** How long a task of the job runs, by its timeout, else by how long jobs of its name took; `null`: nobody knows. */
export function estimateMs({ spec, expectedMs }: Pick<JobRecord, "spec" | "expectedMs">): number | null {
  return spec.timeoutMs ?? expectedMs;
}

/** What is known as roughly the same is treated as the same: 1 min, 2 min, 4 min, … */
export function estimateClass(ms: number | null): number | null {
  return ms === null ? null : Math.max(0, Math.ceil(Math.log2(ms / MINUTE_MS)));
}

/** When an attempt that starts now has ended: it is stopped at its timeout, and killed when it does not stop. */
export function endMsFrom(startMs: number, job: JobRecord, stopGraceMs: number): number | null {
  const ms = estimateMs(job);
  return ms === null ? null : startMs + ms + (job.spec.timeoutMs === null ? 0 : stopGraceMs);
}

/** When the attempt has ended, by its estimate. */
export function expectedEndMs(attempt: AttemptRecord, job: JobRecord, stopGraceMs: number): number | null {
  return endMsFrom(attempt.startedAtMs ?? attempt.assignedAtMs, job, stopGraceMs);
}
