import { describe, expect, test } from "vitest";
import type { AttemptId, JobId } from "../domain/ids.ts";
import { decodeDesired, encodeDesired } from "./desired-frames.ts";
import type { Assignment, DesiredAttempt } from "./messages.ts";

function run(jobId: number, taskIndex: number, script = "true", env: Record<string, string> = {}): DesiredAttempt {
  const attemptId = `${jobId}.${taskIndex}.1-abcdef` as AttemptId;
  const assignment: Assignment = {
    attemptId,
    jobId: jobId as JobId,
    jobName: null,
    taskIndex,
    taskCount: 1000,
    attemptNumber: 1,
    command: null,
    script,
    env,
    workDir: null,
    allocation: { cpuMilli: 1, memoryBytes: 1, gpuIds: [], gpuMilli: 1000 },
    timeoutMs: null,
    stopGraceMs: 1,
    onDisconnect: "restart",
  };
  return { desired: "run", attemptId, assignment };
}

const byId = (a: DesiredAttempt, b: DesiredAttempt) => a.attemptId.localeCompare(b.attemptId);

describe("what should be on a node", () => {
  test("comes out of its frames as it went in", () => {
    const desired = [
      run(1, 0),
      run(1, 1),
      run(2, 0),
      { desired: "forget", attemptId: "9.0.1-abcdef" as AttemptId } as const,
    ];
    const frames = [...encodeDesired(desired)];
    expect(frames).toHaveLength(1);
    expect(frames.flatMap(decodeDesired).toSorted(byId)).toEqual(desired.toSorted(byId));
  });

  test("keeps the environments of a sweep's tasks apart", () => {
    const desired = ["1", "1", "2", "1"].map((seed, index) => run(1, index, "true", { SEED: seed }));
    const frames = [...encodeDesired(desired)];
    expect(frames).toHaveLength(3);
    expect(frames.flatMap(decodeDesired)).toEqual(desired);
  });

  test("says what the attempts of a job share only once", () => {
    const script = "#".repeat(900_000);
    const [frame, ...more] = [...encodeDesired(Array.from({ length: 128 }, (_, index) => run(1, index, script)))];
    expect(more).toEqual([]);
    expect(JSON.stringify(frame).length).toBeLessThan(1_000_000);
  });

  test("is split into frames that stay far below what a peer takes", () => {
    const desired = Array.from({ length: 20 }, (_, index) => run(index + 1, 0, "#".repeat(900_000)));
    const frames = [...encodeDesired(desired)];
    expect(Math.max(...frames.map((frame) => JSON.stringify(frame).length))).toBeLessThan(6_000_000);
    expect(frames.flatMap(decodeDesired)).toHaveLength(20);
  });

  test("is no frame at all when there is nothing to say", () => {
    expect([...encodeDesired([])]).toEqual([]);
  });
});
