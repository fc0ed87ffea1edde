import { describe, expect, test } from "vitest";
import { anAssignment } from "../testing/an-assignment.ts";
import { reportOf, type HeldAttempt } from "./report.ts";

function held(overrides: Partial<HeldAttempt> = {}): HeldAttempt {
  return {
    attemptId: anAssignment().attemptId,
    cgroup: null,
    isToldToStop: false,
    claim: null,
    started: { pid: 7, startedAtMs: 1000 },
    stopCause: null,
    exit: null,
    unwanted: false,
    askedAtMonotonicMs: null,
    ...overrides,
  };
}

const exit = { outcome: { type: "exited", code: 0 }, endedAtMs: 2000, outputBytes: 10, usage: null } as const;

describe("the report of an attempt", () => {
  test.for([
    ["starting", held({ started: null }), 0],
    ["running", held(), 0],
    ["stopping", held({ stopCause: "canceled" }), 0],
    ["releasing", held({ exit }), 9],
    ["ended", held({ exit }), 10],
    ["ended", held({ exit: { ...exit, outputBytes: 0 }, started: null }), 0],
  ] as const)("says %s", ([state, attempt, acknowledgedBytes]) => {
    expect(reportOf(attempt, acknowledgedBytes).state).toBe(state);
  });

  test("has an outcome from `releasing` on, and not before", () => {
    expect(reportOf(held({ stopCause: "canceled" }), 0)).toMatchObject({ outcome: null, endedAtMs: null });
    expect(reportOf(held({ exit }), 0)).toMatchObject({ outcome: exit.outcome, endedAtMs: 2000, outputBytes: 10 });
  });
});
