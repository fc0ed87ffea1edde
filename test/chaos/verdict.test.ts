import { describe, expect, test } from "vitest";
import type { ObservedTask } from "../invariants/observation.ts";
import { judge, type RunRecord } from "./verdict.ts";

const ATTEMPT = "7.0.1-aaaaaa";
const OTHER = "7.0.2-bbbbbb";

function aTask(changes: Partial<ObservedTask> = {}): ObservedTask {
  return {
    jobId: 7,
    index: 0,
    states: ["queued", "running", "succeeded"],
    waitingReasons: [],
    executions: [{ attemptId: ATTEMPT, nodeName: "agent1", startedAtMs: 100, endedAtMs: 200 }],
    outputs: [{ attemptId: ATTEMPT, written: "0\n1\n", stored: "0\n1\n", isComplete: true }],
    ...changes,
  };
}

/** A run in which one job was asked for, ran and succeeded. */
function aRun(changes: Partial<RunRecord> = {}): RunRecord {
  return {
    acknowledgements: [{ idempotencyKey: "key", jobId: 7 }],
    jobs: [{ id: 7, idempotencyKey: "key" }],
    tasks: [aTask()],
    nodes: [
      {
        name: "agent1",
        capacity: { cpuMilli: 4000, memoryBytes: 1024, gpuIds: [] },
        allocations: [],
        settled: { desiredAttemptIds: [], heldAttemptIds: [] },
      },
    ],
    contentions: [],
    forgottenAttemptIds: new Set(),
    startedAttemptIds: [ATTEMPT],
    knownAttemptIds: new Set([ATTEMPT]),
    succeededAttemptIds: [ATTEMPT],
    finishedAttemptIds: new Set([ATTEMPT]),
    cancels: [],
    leftoverProcesses: [],
    noticed: [],
    ...changes,
  };
}

describe("the verdict on a run", () => {
  test("finds nothing in one where all went well", () => {
    expect(judge(aRun())).toEqual([]);
  });

  const second = { attemptId: OTHER, nodeName: "agent2", startedAtMs: 150, endedAtMs: 250 };
  const first = aTask().executions[0]!;
  const [node] = aRun().nodes;
  test.each<[string, Partial<RunRecord>, RegExp]>([
    [
      "a contended lock",
      { contentions: [{ attemptId: OTHER, holderAttemptId: ATTEMPT }] },
      /^locksAreNeverContended: 7\.0\.2-bbbbbb ran while something of 7\.0\.1-aaaaaa was alive$/,
    ],
    [
      "a lost byte",
      { tasks: [aTask({ outputs: [{ attemptId: ATTEMPT, written: "0\n1\n", stored: "0\n1", isComplete: true }] })] },
      /^outputStoredOnceInOrder: task 7\.0 7\.0\.1-aaaaaa: 1 bytes of output are missing$/,
    ],
    [
      "bytes in another order",
      { tasks: [aTask({ outputs: [{ attemptId: ATTEMPT, written: "0\n1\n", stored: "1\n0\n", isComplete: false }] })] },
      /^outputStoredOnceInOrder: .*not what was written$/,
    ],
    [
      "a second start of one attempt",
      { tasks: [aTask({ executions: [first, { ...first, startedAtMs: 300, endedAtMs: 400 }] })] },
      /^commandStartedAtMostOnce: task 7\.0 the command of 7\.0\.1-aaaaaa started 2 times$/,
    ],
    [
      "two attempts of one task at once",
      { tasks: [aTask({ executions: [first, second] })] },
      /^atMostOneExecution: task 7\.0 7\.0\.2-bbbbbb started on agent2 while 7\.0\.1-aaaaaa ran on agent1$/,
    ],
    [
      "an acknowledged job that is gone",
      { jobs: [], tasks: [], acknowledgements: [{ idempotencyKey: null, jobId: 7 }] },
      /^acknowledgedSubmissionsStay: job 7 was acknowledged/,
    ],
    [
      "an acknowledged job whose number is another's now",
      { jobs: [{ id: 7, idempotencyKey: "another key" }] },
      /^acknowledgedKeysStay: key, acknowledged as job 7, has no job$/,
    ],
    [
      "two jobs for one key",
      {
        jobs: [
          { id: 7, idempotencyKey: "key" },
          { id: 8, idempotencyKey: "key" },
        ],
      },
      /^acknowledgedSubmissionsStay: key key made jobs 7, 8$/,
    ],
    [
      "a terminal state that changed",
      { tasks: [aTask({ states: ["failed", "succeeded"] })] },
      /^terminalStatesStay: task 7\.0 went from failed to succeeded$/,
    ],
    [
      "a task that never ends",
      { tasks: [aTask({ states: ["queued", "running"] })] },
      /^everythingEnds: .*still running$/,
    ],
    [
      "an execution that no coordinator knows of",
      { startedAttemptIds: [ATTEMPT, OTHER] },
      /^everyExecutionIsKnown: the command of 7\.0\.2-bbbbbb ran/,
    ],
    ["a success that was none", { finishedAttemptIds: new Set() }, /^successIsReal: 7\.0\.1-aaaaaa/],
    ["a cancel that was forgotten", { cancels: [{ jobId: 7, isKnown: false }] }, /^acknowledgedCancelsStay: .* job 7/],
    [
      "an attempt that stays in a spool",
      { nodes: [{ ...node!, settled: { desiredAttemptIds: [], heldAttemptIds: [ATTEMPT] } }] },
      /^holdsWhatItShould: agent1 holds 7\.0\.1-aaaaaa, and should hold nothing$/,
    ],
    ["a process that is left", { leftoverProcesses: ["process 1 is left"] }, /^noProcessIsLeft: process 1 is left$/],
    ["what was noticed on the way", { noticed: ["agent1 ended by itself"] }, /^noticed: agent1 ended by itself$/],
  ])("names %s", (_what, changes, named) => {
    const violations = judge(aRun(changes));
    expect(violations).toHaveLength(1);
    expect(violations[0]).toMatch(named);
  });

  test("excuses only what a restore from an older copy explains", () => {
    const run = aRun({
      startedAttemptIds: [ATTEMPT, OTHER],
      contentions: [{ attemptId: ATTEMPT, holderAttemptId: OTHER }],
    });
    expect(judge({ ...run, forgottenAttemptIds: new Set([OTHER]) })).toEqual([]);
    expect(judge({ ...run, forgottenAttemptIds: new Set(["7.0.2-cccccc"]) })).toHaveLength(2);
  });
});
