import { invariant } from "@drover/shared/assert.ts";
import { judgeDependency } from "@drover/shared/domain/dependency.ts";
import type { JobId } from "@drover/shared/domain/ids.ts";
import type { JobState } from "@drover/shared/domain/job.ts";
import { Cause } from "@drover/shared/domain/task.ts";
import type { Effects } from "./effects.ts";
import type { Fleet, Instant } from "./fleet.ts";
import type { JobRecord } from "./records.ts";
import { moveTask } from "./task-transitions.ts";

/**
 * What the jobs that ended in this input mean for those that come after them. Where the condition holds,
 * nothing is to be done: the dependents' tasks join the queue by themselves (dependencies.ts). Where it can
 * never hold, the dependents end too, and then those that come after them: one after the other and not one
 * inside of the other, because a chain may be as long as memory allows.
 */
export function endDependents(fleet: Fleet, effects: Effects, now: Instant): void {
  const { dependencies } = fleet;
  for (let endedIds = dependencies.takeEnded(); endedIds.length > 0; endedIds = dependencies.takeEnded()) {
    for (const endedId of endedIds) {
      const ended = fleet.jobs.get(endedId);
      invariant(ended, `job ${endedId}, which ended just now, is in memory`);
      for (const dependentId of dependencies.dependentsOf(endedId)) {
        const dependent = fleet.jobs.get(dependentId);
        const dependency = dependent?.spec.after.find(({ jobId }) => jobId === endedId);
        invariant(dependent && dependency, `job ${dependentId} comes after job ${endedId}`);
        if (judgeDependency(dependency.when, ended.state) === "failed") {
          endForDependency(fleet, dependent, endedId, ended.state, effects, now);
        }
      }
    }
  }
}

/** Cancels a job that was held until now: none of its tasks has ever started. */
export function endForDependency(
  fleet: Fleet,
  job: JobRecord,
  dependencyJobId: JobId,
  dependencyState: JobState,
  effects: Effects,
  now: Instant,
): void {
  effects.tell({
    event: "job.dependencyFailed",
    jobId: job.id,
    dependencyJobId,
    dependencyState: dependencyState as "succeeded" | "failed" | "canceled",
  });
  for (const task of fleet.queuedTasksOf(job)) {
    moveTask(fleet, task, { state: "canceled", cause: Cause.dependencyFailed }, effects, now);
  }
}
