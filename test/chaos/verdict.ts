import { acknowledgedSubmissionsStay } from "../invariants/invariants.ts";
import { judgeNodes, judgeTasks } from "../invariants/judge.ts";
import type { Acknowledgement, ObservedJob, ObservedNode, ObservedTask } from "../invariants/observation.ts";

/** All that is known of a run when it is over and everything was given the time to end. */
export interface RunRecord {
  acknowledgements: readonly Acknowledgement[];
  jobs: readonly ObservedJob[];
  tasks: readonly ObservedTask[];
  nodes: readonly ObservedNode[];
  /** A task found its lock held: something of another attempt of it was alive. */
  contentions: readonly { attemptId: string; holderAttemptId: string }[];
  /** Attempts that a restore from an older copy has taken from the coordinator's memory. */
  forgottenAttemptIds: ReadonlySet<string>;
  /** Attempts whose command ran. */
  startedAttemptIds: readonly string[];
  /** Attempts that the coordinator knows, and those of them that it says ended by themselves with code 0. */
  knownAttemptIds: ReadonlySet<string>;
  succeededAttemptIds: readonly string[];
  /** Attempts whose command came to its last line. */
  finishedAttemptIds: ReadonlySet<string>;
  /** Of jobs whose cancel was acknowledged: whether the coordinator still knows of it. */
  cancels: readonly { jobId: number; isKnown: boolean }[];
  leftoverProcesses: readonly string[];
  /** Whatever was wrong already while the run went on. */
  noticed: readonly string[];
}

/** One line for each thing that must never be and was. */
export function judge(record: RunRecord): string[] {
  return [
    ...named("acknowledgedSubmissionsStay", acknowledgedSubmissionsStay(record.acknowledgements, record.jobs)),
    ...named("acknowledgedKeysStay", missingKeys(record)),
    ...judgeTasks(record.tasks),
    ...judgeNodes(record.nodes),
    ...named("locksAreNeverContended", contendedLocks(record)),
    ...named("everyExecutionIsKnown", unknownExecutions(record)),
    ...named("successIsReal", unreal(record)),
    ...named(
      "acknowledgedCancelsStay",
      record.cancels.filter(({ isKnown }) => !isKnown).map(({ jobId }) => `the cancel of job ${jobId} is gone`),
    ),
    ...named("everythingEnds", record.tasks.flatMap(unended)),
    ...named("noProcessIsLeft", record.leftoverProcesses),
    ...named("noticed", record.noticed),
  ];
}

function named(invariant: string, broken: readonly string[]): string[] {
  return broken.map((how) => `${invariant}: ${how}`);
}

/** After a restore numbers are given anew: that there is a job of this number does not mean that it is this one. */
function missingKeys({ acknowledgements, jobs }: RunRecord): string[] {
  const keys = new Set(jobs.map(({ idempotencyKey }) => idempotencyKey));
  return acknowledgements
    .filter(({ idempotencyKey }) => idempotencyKey !== null && !keys.has(idempotencyKey))
    .map(({ idempotencyKey, jobId }) => `${idempotencyKey}, acknowledged as job ${jobId}, has no job`);
}

/**
 * A coordinator that was restored from an older copy cannot know what it started after the copy, so what of that
 * is still alive may meet its next attempt. Nothing else may.
 */
function contendedLocks({ contentions, forgottenAttemptIds }: RunRecord): string[] {
  return contentions
    .filter(
      ({ attemptId, holderAttemptId }) =>
        !forgottenAttemptIds.has(attemptId) && !forgottenAttemptIds.has(holderAttemptId),
    )
    .map(({ attemptId, holderAttemptId }) => `${attemptId} ran while something of ${holderAttemptId} was alive`);
}

function unknownExecutions({ startedAttemptIds, knownAttemptIds, forgottenAttemptIds }: RunRecord): string[] {
  return startedAttemptIds
    .filter((id) => !knownAttemptIds.has(id) && !forgottenAttemptIds.has(id))
    .map((id) => `the command of ${id} ran, and no coordinator knows of it`);
}

function unreal({ succeededAttemptIds, finishedAttemptIds }: RunRecord): string[] {
  return succeededAttemptIds
    .filter((id) => !finishedAttemptIds.has(id))
    .map((id) => `${id} is said to have succeeded, and its command did not come to its end`);
}

function unended({ jobId, index, states }: ObservedTask): string[] {
  const state = states.at(-1);
  return state === "succeeded" || state === "failed" || state === "canceled"
    ? []
    : [`task ${jobId}.${index} is still ${state}`];
}
