import { describe, expect, it } from "vitest";
import {
  ATTEMPT_STATE_ORDER,
  AttemptOutcome,
  AttemptState,
  blameFor,
  causeOf,
  describeOutcome,
  isLaterAttemptState,
  NodeLoss,
  StartFailure,
} from "./attempt.ts";
import { NODE_ADMIN_TRANSITIONS, NODE_LINK_TRANSITIONS, NodeAdmin, NodeLink } from "./node.ts";
import { PLACEMENT_TRANSITIONS, PlacementState } from "./placement.ts";
import { Cause, isTerminalTaskState, TASK_TRANSITIONS, TaskState } from "./task.ts";

/** Every state that some path of the table leads to. */
function reachable<S extends string>(from: S, transitions: Readonly<Record<S, readonly S[]>>): Set<S> {
  const seen = new Set<S>([from]);
  for (const state of seen) for (const next of transitions[state]) seen.add(next);
  return seen;
}

describe("the placement table", () => {
  it("reaches every state from wanted, and leads from each to gone", () => {
    for (const state of Object.values(PlacementState)) {
      expect(reachable(PlacementState.wanted, PLACEMENT_TRANSITIONS)).toContain(state);
      expect(reachable(state, PLACEMENT_TRANSITIONS)).toContain("gone");
    }
  });
});

describe("the task table", () => {
  it("reaches every state from queued", () => {
    expect([...reachable(TaskState.queued, TASK_TRANSITIONS)].toSorted()).toEqual(Object.values(TaskState).toSorted());
  });

  it("leads from every state to an end", () => {
    for (const state of Object.values(TaskState)) {
      expect([...reachable(state, TASK_TRANSITIONS)].some(isTerminalTaskState), state).toBe(true);
    }
  });

  it("ends in three states, and names none twice", () => {
    expect(Object.values(TaskState).filter(isTerminalTaskState)).toEqual(["succeeded", "failed", "canceled"]);
    for (const next of Object.values(TASK_TRANSITIONS)) expect(new Set(next).size).toBe(next.length);
  });

  it("lets a task succeed only from running", () => {
    const from = Object.values(TaskState).filter((state) => TASK_TRANSITIONS[state].includes("succeeded"));
    expect(from).toEqual(["running"]);
  });
});

describe("the attempt's order", () => {
  it("holds every state once and goes one way", () => {
    expect(ATTEMPT_STATE_ORDER.toSorted()).toEqual(Object.values(AttemptState).toSorted());
    expect(isLaterAttemptState("running", "assigned")).toBe(true);
    expect(isLaterAttemptState("assigned", "running")).toBe(false);
    expect(isLaterAttemptState("running", "running")).toBe(false);
  });
});

describe("the table of a node's link", () => {
  it("leads from every state back to online", () => {
    for (const link of Object.values(NodeLink)) {
      expect(reachable(link, NODE_LINK_TRANSITIONS), link).toContain("online");
    }
  });

  it("loses a node only after its connection is gone", () => {
    const from = Object.values(NodeLink).filter((link) => NODE_LINK_TRANSITIONS[link].includes("lost"));
    expect(from).toEqual(["disconnected"]);
  });
});

describe("the table of what operators want of a node", () => {
  it("leads from every state back to schedulable, in one step", () => {
    const others = Object.values(NodeAdmin).filter((admin) => admin !== "schedulable");
    for (const admin of others) expect(NODE_ADMIN_TRANSITIONS[admin], admin).toContain("schedulable");
  });

  it("calls a node drained only after a drain", () => {
    const from = Object.values(NodeAdmin).filter((admin) => NODE_ADMIN_TRANSITIONS[admin].includes("drained"));
    expect(from).toEqual(["draining"]);
  });
});

const OUTCOMES: readonly [AttemptOutcome, string, string, string][] = [
  [{ type: "exited", code: 0 }, "none", "exitedZero", "exit code 0"],
  [{ type: "exited", code: 3 }, "user", "exitedNonZero", "exit code 3"],
  [{ type: "signaled", signal: "SIGKILL" }, "user", "signaled", "killed by SIGKILL"],
  [
    { type: "outOfMemory", limitBytes: 2 ** 29, peakBytes: 2 ** 29 },
    "user",
    "outOfMemory",
    "out of memory: its limit is 512 MiB, it had used 512 MiB",
  ],
  [
    { type: "outOfMemory", limitBytes: null, peakBytes: null },
    "node",
    "outOfMemory",
    "killed because the machine ran out of memory",
  ],
  [{ type: "timedOut" }, "user", "timedOut", "timed out"],
  [{ type: "canceled" }, "user", "canceled", "canceled"],
  [{ type: "preempted" }, "system", "preempted", "preempted"],
  [
    { type: "gpuLost", gpuIds: ["GPU-1"], evidence: "gpuLost ([GPU is lost])" },
    "hardware",
    "gpuLost",
    "lost GPU-1: gpuLost ([GPU is lost])",
  ],
  [
    { type: "startFailed", code: "commandNotFound", message: "no such program: trian" },
    "user",
    "startFailed",
    "could not start: no such program: trian",
  ],
  [
    { type: "startFailed", code: "nodeOutOfResources", message: "fork" },
    "node",
    "startFailed",
    "could not start: fork",
  ],
  [{ type: "nodeLost", code: "rebooted" }, "node", "nodeLost", "node lost (rebooted)"],
];

describe("an outcome", () => {
  it.each(OUTCOMES)("%j is blamed on %s, with cause %s: %s", (outcome, blame, cause, phrase) => {
    expect(AttemptOutcome.parse(outcome)).toEqual(outcome);
    expect(blameFor(outcome)).toBe(blame);
    expect(causeOf(outcome)).toBe(cause);
    expect(describeOutcome(outcome)).toBe(phrase);
  });

  it("of every kind is in the table above", () => {
    const kinds = new Set(AttemptOutcome.options.map((option) => option.shape.type.value));
    expect(new Set(OUTCOMES.map(([outcome]) => outcome.type))).toEqual(kinds);
  });

  it("has a cause that tasks know", () => {
    for (const [outcome] of OUTCOMES) expect(Object.values<string>(Cause)).toContain(causeOf(outcome));
  });

  it("is blamed on the user only where the user could have done otherwise", () => {
    const startFailures = Object.values(StartFailure).filter(
      (code) => blameFor({ type: "startFailed", code, message: "" }) === "user",
    );
    expect(startFailures).toEqual(["commandNotFound", "commandNotExecutable", "workDirUnusable"]);
    for (const code of Object.values(NodeLoss)) expect(blameFor({ type: "nodeLost", code })).toBe("node");
  });
});
