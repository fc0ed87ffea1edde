import type { DependencyDetail } from "@drover/shared/api/jobs.ts";
import type { JobState } from "@drover/shared/domain/job.ts";

const CONDITIONS = { onSuccess: "", onFailure: " on failure", always: " in any case" } as const;

/** `job 12 (succeeded), job 13 on failure (running)`; `null` for a job that comes after none. */
export function describeDependencies(dependencies: readonly DependencyDetail[]): string | null {
  const texts = dependencies.map(({ jobId, when, state }) => `job ${jobId}${CONDITIONS[when]} (${state})`);
  return texts.length > 0 ? texts.join(", ") : null;
}

/** Why a job never ran: `job 12, which it comes after, failed`. */
export function describeFailedDependency({ jobId, state }: { jobId: number; state: JobState }): string {
  return `job ${jobId}, which it comes after, ${state === "canceled" ? "was canceled" : state}`;
}
