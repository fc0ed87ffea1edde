import { invariant } from "@drover/shared/assert.ts";
import type { JobState } from "@drover/shared/domain/job.ts";
import { isTerminalTaskState, TASK_TRANSITIONS, type TaskState } from "@drover/shared/domain/task.ts";
import type { Effects } from "./effects.ts";
import type { Fleet, Instant } from "./fleet.ts";
import type { JobRecord, TaskRecord } from "./records.ts";

type TaskChange = Pick<TaskRecord, "state" | "cause"> &
  Partial<Pick<TaskRecord, "attemptNumber" | "liveAttemptId" | "userFailures" | "faultlessEnds">>;

/** The only way to change a task's state: checks the transition, and carries it into the job. */
export function moveTask(fleet: Fleet, task: TaskRecord, change: TaskChange, effects: Effects, now: Instant): void {
  invariant(
    TASK_TRANSITIONS[task.state].includes(change.state),
    `task ${task.jobId}.${task.index} cannot go from ${task.state} to ${change.state}`,
  );
  fleet.putTask({ ...task, ...change, sinceMs: now.wallMs });
  if (isTerminalTaskState(change.state)) {
    effects.tell({
      event: "task.ended",
      jobId: task.jobId,
      taskIndex: task.index,
      state: change.state as "succeeded" | "failed" | "canceled",
      cause: change.cause,
    });
  }
  countTaskMove(fleet, task, change.state, effects, now);
}

/** Tasks of a job are canceled, requeued or placed one by one; the job's state is derived from their counts. */
function countTaskMove(fleet: Fleet, task: TaskRecord, to: TaskState, effects: Effects, now: Instant): void {
  const job = fleet.jobs.get(task.jobId);
  invariant(job, `task ${task.jobId}.${task.index} has a job`);
  const tasksByState = { ...job.tasksByState };
  tasksByState[task.state]--;
  tasksByState[to]++;
  const hasStarted = job.startedAtMs !== null || to === "running" || to === "staging";
  const state = jobStateOf(tasksByState, hasStarted);
  const ended = state !== "queued" && state !== "running";
  const after: JobRecord = {
    ...job,
    tasksByState,
    state,
    startedAtMs: job.startedAtMs ?? (hasStarted ? now.wallMs : null),
    endedAtMs: ended ? now.wallMs : null,
  };
  fleet.jobs.put(job.id, after);
  if (job.startedAtMs === null && hasStarted) effects.tell({ event: "job.started", jobId: job.id });
  if (ended) {
    effects.tell({
      event: "job.ended",
      jobId: job.id,
      state,
      succeeded: tasksByState.succeeded,
      failed: tasksByState.failed,
      canceled: tasksByState.canceled,
    });
  }
}

function jobStateOf(tasks: Readonly<Record<TaskState, number>>, hasStarted: boolean): JobState {
  if (tasks.queued + tasks.staging + tasks.running > 0) return hasStarted ? "running" : "queued";
  if (tasks.failed > 0) return "failed";
  return tasks.canceled > 0 ? "canceled" : "succeeded";
}
