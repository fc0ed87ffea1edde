import { EVENTS } from "@drover/shared/events.ts";
import { describe, expect, test } from "vitest";
import { describeEvent, renderEvent } from "./event.ts";

const HEAD = { id: 1, time: "2026-01-02T03:04:05.000Z" };
const ATTEMPT = {
  jobId: 12,
  taskIndex: 3,
  attemptId: "12.3.1-k7q2mx",
  nodeId: "node-4k7x9q2mab3c",
  nodeName: "gpu-01",
};

/** Every field that any event has: each event's schema takes its own. */
const ALL_FIELDS = {
  ...ATTEMPT,
  name: "sweep",
  taskCount: 8,
  actor: "127.0.0.1",
  dependencyJobId: 11,
  dependencyState: "failed",
  state: "failed",
  succeeded: 1,
  failed: 2,
  canceled: 0,
  cause: "exitedNonZero",
  blame: "user",
  nextAttemptNumber: 2,
  cpuMilli: 1000,
  memoryBytes: 1024,
  gpuIds: [],
  gpuMilli: 1000,
  gpuCount: 0,
  pid: 7,
  outcome: "exited",
  exitCode: 3,
  outputBytes: 10,
  agentVersion: "0.1.0",
  silentMs: 20_000,
  reason: "closed",
  bootId: "boot",
  gpuId: "GPU-1",
  model: "A100-80GB",
  health: "degraded",
  codes: ["gpuLost"],
  evidence: "[GPU is lost]",
  missingGpuIds: [],
  scope: "site",
  site: "berlin",
  why: "2 of 3 nodes are silent",
  away: 2,
  present: 1,
  since: "2026-01-02T03:04:05.000Z",
  frozenMs: 60_000,
  deadline: null,
  modelName: "tiny",
  reference: "hf://acme/tiny",
  source: "hf://acme/tiny@0123456789ab",
  revisionId: "00112233445566778899aabbccddeeff",
  fileCount: 3,
  sizeBytes: 4096,
  models: ["tiny"],
  code: "diskFull",
  retryAt: null,
};

describe("an event for people", () => {
  test("begins with the time of day, then what it is about, then what happened", () => {
    const event = { ...HEAD, event: "attempt.started", ...ATTEMPT, pid: 7 };
    expect(renderEvent(event)).toMatch(
      /^\d\d:\d\d:05 {2}task 12\.3 {3}started on gpu-01 \(12\.3\.1-k7q2mx\), pid 7\n$/,
    );
  });

  test.each(Object.keys(EVENTS))("has words for %s", (name) => {
    const { subject, text } = describeEvent({ ...HEAD, event: name, ...ALL_FIELDS });
    expect(subject).toMatch(/^(job|task|node|site|model) /);
    expect(text).not.toMatch(/undefined|NaN|\{/);
  });

  test("tells how an attempt ended by its exit code", () => {
    const event = { ...HEAD, event: "attempt.ended", ...ALL_FIELDS };
    expect(describeEvent(event).text).toBe("exited with 3 on gpu-01 (12.3.1-k7q2mx), 10 B of output");
  });

  test("that this version does not know is shown as it came", () => {
    const event = { ...HEAD, event: "gpu.onFire", gpuId: "GPU-1" };
    expect(describeEvent(event)).toEqual({ subject: "gpu.onFire", text: '{"gpuId":"GPU-1"}' });
  });
});
