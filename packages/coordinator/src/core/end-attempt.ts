import { invariant } from "@drover/shared/assert.ts";
import {
  Blame,
  blameFor,
  causeOf,
  describeOutcome,
  type AttemptOutcome,
  type AttemptUsage,
} from "@drover/shared/domain/attempt.ts";
import { Cause } from "@drover/shared/domain/task.ts";
import type { EventFields } from "@drover/shared/events.ts";
import { coolDown } from "./cooldown.ts";
import type { Effects } from "./effects.ts";
import type { Fleet, Instant } from "./fleet.ts";
import { gpuLostOutcome } from "./lost-gpus.ts";
import type { AttemptRecord, TaskRecord } from "./records.ts";
import { holdsBrokenGpu } from "./usable-capacity.ts";
import { moveTask } from "./task-transitions.ts";

/** A task that lost this many attempts to nodes and starts that failed is not given another node. */
export const MAX_FAULTLESS_ENDS = 10;

export interface AttemptEnd {
  outcome: AttemptOutcome;
  endedAtMs: number;
  /** `null` where the node could not be asked. */
  outputBytes: number | null;
  usage: AttemptUsage | null;
}

/** Takes the attempt's allocation back and decides what becomes of its task. */
export function endAttempt(
  fleet: Fleet,
  attempt: AttemptRecord,
  reported: AttemptEnd,
  effects: Effects,
  now: Instant,
): void {
  const end = { ...reported, outcome: outcomeOf(fleet, attempt, reported.outcome) };
  const blame = blameOf(fleet, attempt, end.outcome);
  if (end.outcome.type === "startFailed" && blame === Blame.node) coolDown(fleet, attempt.nodeId, now);
  fleet.attempts.put(attempt.id, { ...attempt, ...end, state: "ended", blame });
  effects.withdrawRun(attempt.nodeId, attempt.id);
  const presence = fleet.presences.get(attempt.nodeId);
  // What the agent said of how much it holds it said while it held this one.
  if (presence) fleet.presences.set(attempt.nodeId, { ...presence, attemptCount: null });
  effects.tell({
    event: "attempt.ended",
    ...attemptFields(fleet, attempt),
    outcome: describeOutcome(end.outcome),
    exitCode: end.outcome.type === "exited" ? end.outcome.code : null,
    blame,
    outputBytes: end.outputBytes,
  });
  const task = fleet.task(attempt.jobId, attempt.taskIndex);
  invariant(task?.liveAttemptId === attempt.id, `attempt ${attempt.id} is its task's live one`);
  settleTask(fleet, task, end.outcome, blame, effects, now);
}

/** The ids and names that every event of an attempt carries. */
export function attemptFields(fleet: Fleet, attempt: AttemptRecord): Omit<EventFields<"attempt.started">, "pid"> {
  return {
    jobId: attempt.jobId,
    taskIndex: attempt.taskIndex,
    attemptId: attempt.id,
    nodeId: attempt.nodeId,
    nodeName: fleet.nodes.get(attempt.nodeId)?.name ?? attempt.nodeId,
  };
}

/** Its node was told to stop it, and not all of why. */
function outcomeOf(
  fleet: Fleet,
  { stopCause, nodeId, allocation }: AttemptRecord,
  outcome: AttemptOutcome,
): AttemptOutcome {
  if (stopCause !== "gpuLost" || outcome.type !== "preempted") return outcome;
  return gpuLostOutcome(fleet.nodes.get(nodeId), allocation.gpuIds);
}

/**
 * A stop that nobody asked for through Drover was somebody's on the machine: a shutdown, a `kill`. A program that
 * failed while a GPU of its own was broken did not fail by itself.
 */
function blameOf(fleet: Fleet, attempt: AttemptRecord, outcome: AttemptOutcome): Blame {
  if (outcome.type === "canceled") return attempt.stopCause === null ? Blame.operator : blameFor(outcome);
  const blame = blameFor(outcome);
  const node = fleet.nodes.get(attempt.nodeId);
  return blame === Blame.user && node && holdsBrokenGpu(node, attempt.allocation) ? Blame.hardware : blame;
}

function settleTask(
  fleet: Fleet,
  task: TaskRecord,
  outcome: AttemptOutcome,
  blame: Blame,
  effects: Effects,
  now: Instant,
): void {
  const job = fleet.jobs.get(task.jobId);
  invariant(job, `task ${task.jobId}.${task.index} has a job`);
  const cause = causeOf(outcome);
  // What ran to its end before the stop reached it has succeeded, whatever was asked meanwhile.
  if (blame === Blame.none) {
    moveTask(fleet, task, { state: "succeeded", cause, liveAttemptId: null }, effects, now);
    return;
  }
  if (job.cancelRequested) {
    moveTask(fleet, task, { state: "canceled", cause: Cause.canceled, liveAttemptId: null }, effects, now);
    return;
  }
  const userFailures = task.userFailures + (blame === Blame.user ? 1 : 0);
  // A drain is no failure of anything: however many there are, the task goes on elsewhere.
  const isFault = blame !== Blame.user && outcome.type !== "preempted";
  const faultlessEnds = task.faultlessEnds + (isFault ? 1 : 0);
  const counts = { userFailures, faultlessEnds, liveAttemptId: null };
  if (userFailures > job.spec.maxRetries) {
    moveTask(fleet, task, { ...counts, state: "failed", cause }, effects, now);
  } else if (faultlessEnds >= MAX_FAULTLESS_ENDS) {
    moveTask(fleet, task, { ...counts, state: "failed", cause: Cause.attemptsExhausted }, effects, now);
  } else {
    moveTask(fleet, task, { ...counts, state: "queued", cause }, effects, now);
    effects.tell({
      event: "task.requeued",
      jobId: task.jobId,
      taskIndex: task.index,
      cause,
      blame,
      nextAttemptNumber: task.attemptNumber + 1,
    });
  }
}
