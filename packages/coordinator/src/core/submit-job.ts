import { judgeDependency, type DependencyStanding, type JobDependency } from "@drover/shared/domain/dependency.ts";
import type { JobId } from "@drover/shared/domain/ids.ts";
import { taskCount, type JobSpec, type JobState } from "@drover/shared/domain/job.ts";
import { Cause } from "@drover/shared/domain/task.ts";
import type { Effects } from "./effects.ts";
import { endForDependency } from "./end-dependents.ts";
import type { Fleet, Instant } from "./fleet.ts";
import type { JobCommand, JobCommandResult } from "./input.ts";
import { modelNamed } from "./models.ts";
import type { JobRecord } from "./records.ts";

/** Waiting and running tasks are held in memory; beyond this many a submission is refused, not the daemon lost. */
export const MAX_HOT_TASKS = 1_000_000;

export function submitJob(
  fleet: Fleet,
  { spec, actor, idempotency, storedUnderKey, storedEnds }: Extract<JobCommand, { type: "submitJob" }>,
  effects: Effects,
  now: Instant,
): JobCommandResult {
  const earlier = idempotency && (storedUnderKey ?? earlierInThisTurn(fleet, idempotency.key));
  if (idempotency && earlier) {
    if (earlier.requestSha256 === idempotency.requestSha256) return { ok: true, jobId: earlier.jobId, created: false };
    return {
      ok: false,
      code: "idempotency.mismatch",
      message: `The key "${idempotency.key}" made job ${earlier.jobId} from another request.`,
    };
  }
  const dependencies = withStates(fleet, spec.after, storedEnds);
  const unknownIds = dependencies.filter(({ standing }) => standing === null).map(({ jobId }) => jobId);
  if (unknownIds.length > 0) {
    const message = `There is no job ${unknownIds.join(", ")} that this one could come after.`;
    return { ok: false, code: "dependency.notFound", message };
  }
  const models = pinModels(fleet, spec);
  if (typeof models === "string") return { ok: false, code: "model.notFound", message: models };
  const count = taskCount(spec);
  if (fleet.tasks.size + count > MAX_HOT_TASKS) {
    return {
      ok: false,
      code: "job.tooManyHot",
      message: `${fleet.tasks.size} tasks wait or run; ${count} more would be over ${MAX_HOT_TASKS}.`,
    };
  }
  const jobId = fleet.takeJobId();
  const job: JobRecord = {
    id: jobId,
    spec: models,
    state: "queued",
    cancelRequested: false,
    tasksByState: { queued: count, staging: 0, running: 0, succeeded: 0, failed: 0, canceled: 0 },
    submittedAtMs: now.wallMs,
    startedAtMs: null,
    endedAtMs: null,
    submittedBy: actor,
    expectedMs: fleet.durations.of(spec.name),
    idempotency,
  };
  fleet.jobs.put(jobId, job);
  for (let index = 0; index < count; index++) {
    fleet.putTask({
      jobId,
      index,
      state: "queued",
      cause: Cause.submitted,
      sinceMs: now.wallMs,
      request: models.resources,
      attemptNumber: 0,
      liveAttemptId: null,
      userFailures: 0,
      faultlessEnds: 0,
    });
  }
  effects.tell({ event: "job.submitted", jobId, name: spec.name, taskCount: count, actor });
  const failed = dependencies.find(({ standing }) => standing === "failed");
  if (failed?.state) endForDependency(fleet, job, failed.jobId, failed.state, effects, now);
  return { ok: true, jobId, created: true };
}

/** Each name means from now on what it means now; otherwise which of them means nothing. */
function pinModels(fleet: Fleet, spec: JobSpec): JobSpec | string {
  const { models } = spec.resources;
  if (models === undefined) return spec;
  const pinned = models.map(({ name }) => ({ name, revisionId: modelNamed(fleet, name)?.revisionId ?? null }));
  const unknown = pinned.find(({ revisionId }) => revisionId === null);
  if (unknown) return `There is no model "${unknown.name}" that the job could read.`;
  return { ...spec, resources: { ...spec.resources, models: pinned } };
}

/** The store is asked before the turn; a twin in the same turn is only in memory. */
function earlierInThisTurn(fleet: Fleet, key: string) {
  const jobId = fleet.jobIdForIdempotencyKey(key);
  const job = jobId === undefined ? undefined : fleet.jobs.get(jobId);
  return job?.idempotency ? { jobId: job.id, requestSha256: job.idempotency.requestSha256 } : null;
}

/** What is known of the jobs that it comes after; nothing of one that does not exist. */
function withStates(
  fleet: Fleet,
  dependencies: readonly JobDependency[],
  storedEnds: ReadonlyMap<JobId, JobState>,
): { jobId: JobId; state: JobState | null; standing: DependencyStanding | null }[] {
  return dependencies.map(({ jobId, when }) => {
    // In memory first: there it may have ended in this very turn.
    const state = fleet.jobs.get(jobId)?.state ?? storedEnds.get(jobId) ?? null;
    return { jobId, state, standing: state && judgeDependency(when, state) };
  });
}
