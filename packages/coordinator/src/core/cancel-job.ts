import { isTerminalJobState, taskCount } from "@drover/shared/domain/job.ts";
import { Cause } from "@drover/shared/domain/task.ts";
import type { Effects } from "./effects.ts";
import type { Fleet, Instant } from "./fleet.ts";
import type { JobCommand, JobCommandResult } from "./input.ts";
import { stopAttempt } from "./stop-attempt.ts";
import { moveTask } from "./task-transitions.ts";

/** What waits is canceled at once; what runs is told to stop and ends when nothing of it is left. */
export function cancelJob(
  fleet: Fleet,
  { jobId, actor }: Extract<JobCommand, { type: "cancelJob" }>,
  effects: Effects,
  now: Instant,
): JobCommandResult {
  const job = fleet.jobs.get(jobId);
  // A job that is not hot has ended, or the caller has looked it up in the store and found none: cancelling
  // what has ended is no error, and neither is cancelling twice.
  if (!job || isTerminalJobState(job.state) || job.cancelRequested) return { ok: true, jobId, created: false };
  fleet.jobs.put(jobId, { ...job, cancelRequested: true });
  effects.tell({ event: "job.cancelRequested", jobId, actor });
  for (let index = 0; index < taskCount(job.spec); index++) {
    const task = fleet.task(jobId, index);
    if (task?.state === "queued") {
      moveTask(fleet, task, { state: "canceled", cause: Cause.canceled }, effects, now);
    } else if (task?.liveAttemptId) {
      const attempt = fleet.attempts.get(task.liveAttemptId);
      if (attempt) stopAttempt(fleet, attempt, "canceled", effects);
    }
  }
  return { ok: true, jobId, created: false };
}
