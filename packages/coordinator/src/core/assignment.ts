import { invariant } from "@drover/shared/assert.ts";
import { taskCount } from "@drover/shared/domain/job.ts";
import { variablesOf } from "@drover/shared/domain/task-array.ts";
import type { RevisionId } from "@drover/shared/domain/model.ts";
import type { ModelRequest } from "@drover/shared/domain/resources.ts";
import type { Assignment } from "@drover/shared/protocol/messages.ts";
import type { Fleet } from "./fleet.ts";
import type { AttemptRecord } from "./records.ts";

function pinnedModels(models: readonly ModelRequest[]): { name: string; revisionId: RevisionId }[] {
  return models.flatMap(({ name, revisionId }) => (revisionId === null ? [] : [{ name, revisionId }]));
}

/** Everything that the node needs to run the attempt, from the job's immutable spec. */
export function assignmentFor(fleet: Fleet, attempt: AttemptRecord): Assignment {
  const job = fleet.jobs.get(attempt.jobId);
  invariant(job, `attempt ${attempt.id} has a job`);
  const { spec } = job;
  return {
    attemptId: attempt.id,
    jobId: attempt.jobId,
    jobName: spec.name,
    taskIndex: attempt.taskIndex,
    taskCount: taskCount(spec),
    attemptNumber: attempt.number,
    command: spec.command,
    script: spec.script,
    env: spec.sweep === null ? spec.env : { ...spec.env, ...variablesOf(spec.sweep, attempt.taskIndex) },
    workDir: spec.workDir,
    allocation: attempt.allocation,
    timeoutMs: spec.timeoutMs,
    stopGraceMs: fleet.settings.stopGraceMs,
    onDisconnect: spec.onDisconnect,
    ...(spec.resources.models && { models: pinnedModels(spec.resources.models) }),
  };
}
