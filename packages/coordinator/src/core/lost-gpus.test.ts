import type { NodeHealth } from "@drover/shared/domain/health.ts";
import { Hardware } from "@drover/shared/domain/node.ts";
import type { NodeChanges } from "@drover/shared/protocol/messages.ts";
import { describe, expect, test } from "vitest";
import { aGpu, aHello, aJob, aReport, nodeIdOf, Scenario } from "../testing/scenario.ts";

const SOFTWARE = { containerRuntimes: [], driverCudaVersion: null, cudaToolkitVersion: null, pythonVersion: null };
const [GPU_0, GPU_1] = ["GPU-0a1b2c3d-0", "GPU-4e5f6a7b-1"] as const;

/** A node with these GPUs, some of them with something. */
function changes(gpuIds: readonly string[], ill: Readonly<Record<string, string>> = {}): NodeChanges {
  const { hardware, capacity } = aHello(1);
  const health: NodeHealth = {
    state: "healthy",
    reasons: [],
    gpus: Object.entries(ill).map(([gpuId, code]) => ({
      gpuId,
      state: "unhealthy",
      reasons: [{ code, state: "unhealthy", evidence: "[GPU is lost]", sinceMs: 1 }],
    })),
  };
  const gpus = gpuIds.map((id, index) => aGpu(id, { index }));
  return {
    hardware: Hardware.parse({ ...hardware, software: SOFTWARE, gpus }),
    capacity: { ...capacity, gpuIds: [...gpuIds] },
    health,
  };
}

/** Two attempts of one GPU each, running on a node that has two. */
function twoRunning(retries = 0) {
  const scenario = new Scenario();
  scenario.hello(1, changes([GPU_0, GPU_1]));
  const resources = { cpus: 1, memory: 1, gpus: 1 };
  const job = scenario.submit(aJob({ array: { size: 2 }, resources, retries }));
  const attempts = [scenario.attempt(job, 0), scenario.attempt(job, 1)] as const;
  scenario.report(
    1,
    attempts.map(({ id }) => aReport(id)),
  );
  const change = (...said: Parameters<typeof changes>) =>
    scenario.turn({ type: "nodeChanges", sessionId: 1, nodeId: nodeIdOf(1), changes: changes(...said) });
  return { scenario, job, attempts, change };
}

describe("an attempt whose GPU is lost", () => {
  test.for(["gpuLost", "gpuUnreachable", "gpuRequiresReset", "xidReboot"])(
    "by %s is stopped, and nobody else's",
    (code) => {
      const { scenario, attempts, change } = twoRunning();
      change([GPU_0, GPU_1], { [GPU_0]: code });
      expect(scenario.told(1)).toEqual([{ desired: "stop", attemptId: attempts[0].id, cause: "preempted" }]);
      expect(scenario.eventsNamed("attempt.stopping")).toMatchObject([{ attemptId: attempts[0].id, cause: "gpuLost" }]);
    },
  );

  test("ends with which GPU and what was seen, and its task goes elsewhere without losing a retry", () => {
    const { scenario, job, attempts, change } = twoRunning(0);
    change([GPU_0, GPU_1], { [GPU_0]: "gpuLost" });
    scenario.end(attempts[0], { type: "preempted" });
    expect(scenario.eventsNamed("attempt.ended")).toMatchObject([
      { outcome: `lost ${GPU_0}: gpuLost ([GPU is lost])`, blame: "hardware" },
    ]);
    expect(scenario.task(job)).toMatchObject({ state: "queued", cause: "gpuLost", userFailures: 0, faultlessEnds: 1 });
    scenario.hello(2, { gpus: 1 });
    expect(scenario.attempt(job).nodeId).toBe(nodeIdOf(2));
  });

  test("is stopped too where the node no longer shows the GPU", () => {
    const { scenario, attempts, change } = twoRunning();
    change([GPU_1]);
    expect(scenario.told(1)).toMatchObject([{ desired: "stop", attemptId: attempts[0].id }]);
    scenario.end(attempts[0], { type: "preempted" });
    expect(scenario.eventsNamed("attempt.ended")).toMatchObject([
      { outcome: `lost ${GPU_0}: gpuMissing (the node no longer shows it)` },
    ]);
  });

  test.for(["driverUnusable", "gpuSilent", "rowRemapFailed", "xidReset", "foreignUse"])(
    "is not one whose GPU is unhealthy by %s: what runs may go on",
    (code) => {
      const { scenario, change } = twoRunning();
      change([GPU_0, GPU_1], { [GPU_0]: code });
      expect(scenario.told(1)).toEqual([]);
    },
  );

  test("is not one of a node that could not be probed, or whose driver answers for no GPU", () => {
    const { scenario } = twoRunning();
    const blind = changes([]);
    const fault = { gpuId: null, pciAddress: null, code: "driverMismatch", evidence: "mismatch" };
    for (const hardware of [
      { ...blind.hardware, software: null },
      { ...blind.hardware, gpuFaults: [fault] },
    ]) {
      const said = { ...blind, hardware };
      scenario.turn({ type: "nodeChanges", sessionId: 1, nodeId: nodeIdOf(1), changes: said });
      expect(scenario.told(1)).toEqual([]);
    }
  });

  test("is stopped when its node comes back with the news", () => {
    const { scenario, attempts } = twoRunning();
    scenario.cut(1);
    const reports = attempts.map(({ id }) => aReport(id));
    scenario.hello(1, { ...changes([GPU_0, GPU_1], { [GPU_1]: "gpuLost" }), attempts: reports }, 7);
    expect(scenario.told(1, 7)).toContainEqual({ desired: "stop", attemptId: attempts[1].id, cause: "preempted" });
    expect(scenario.told(1, 7)).not.toContainEqual(
      expect.objectContaining({ desired: "stop", attemptId: attempts[0].id }),
    );
  });

  test("keeps the end that it came to by itself, and its success", () => {
    const { scenario, job, attempts, change } = twoRunning();
    change([GPU_0, GPU_1], { [GPU_0]: "gpuLost", [GPU_1]: "gpuLost" });
    scenario.end(attempts[0], { type: "exited", code: 0 });
    scenario.end(attempts[1], { type: "exited", code: 1 });
    expect(scenario.eventsNamed("task.ended")).toMatchObject([{ taskIndex: 0, state: "succeeded" }]);
    expect(scenario.task(job, 1)).toMatchObject({ state: "queued", userFailures: 0 });
    expect(scenario.eventsNamed("attempt.ended")[1]).toMatchObject({ outcome: "exit code 1", blame: "hardware" });
  });
});
