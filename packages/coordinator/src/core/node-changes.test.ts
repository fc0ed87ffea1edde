import type { GpuHealth, NodeHealth } from "@drover/shared/domain/health.ts";
import { HEALTHY } from "@drover/shared/domain/health.ts";
import type { Hello } from "@drover/shared/protocol/messages.ts";
import { describe, expect, test } from "vitest";
import { brokenInvariants } from "../testing/fleet-invariants.ts";
import { aGpu, aHello, aJob, nodeIdOf, Scenario, type NodeSize } from "../testing/scenario.ts";

function ill(gpuId: string, code = "gpuLost", state: GpuHealth["state"] = "unhealthy"): NodeHealth {
  const reasonState = state === "healthy" ? "degraded" : state;
  return {
    ...HEALTHY,
    gpus: [{ gpuId, state, reasons: [{ code, state: reasonState, evidence: "seen", sinceMs: 7 }] }],
  };
}

/** What node 1 says of itself over its connection. */
function says(scenario: Scenario, fields: Partial<Hello> & NodeSize, sessionId = 1): void {
  const { hardware, capacity, health } = aHello(1, fields);
  scenario.turn({ type: "nodeChanges", sessionId, nodeId: nodeIdOf(1), changes: { hardware, capacity, health } });
  expect(brokenInvariants(scenario.fleet)).toEqual([]);
}

function withGpus(gpus: number) {
  const scenario = new Scenario();
  scenario.hello(1, { gpus });
  return scenario;
}

const freeGpus = (scenario: Scenario) =>
  scenario.fleet.capacity
    .freeOn(nodeIdOf(1))
    .gpuShares.filter(({ gpuMilli }) => gpuMilli === 1000)
    .map(({ gpuId }) => gpuId);
const gpuJob = (gpus: number) => aJob({ resources: { gpus, cpus: 0 } });

describe("an unhealthy GPU", () => {
  test("is given to nobody, and the others are", () => {
    const scenario = withGpus(2);
    says(scenario, { gpus: 2, health: ill("GPU-1-0") });
    expect(freeGpus(scenario)).toEqual(["GPU-1-1"]);
    const [first, second] = [scenario.submit(gpuJob(1)), scenario.submit(gpuJob(1))];
    expect(scenario.attempt(first).allocation.gpuIds).toEqual(["GPU-1-1"]);
    expect(scenario.task(second)?.state).toBe("queued");
  });

  test("that was given away is held until its attempt ends, and not given again", () => {
    const scenario = withGpus(2);
    const jobId = scenario.submit(gpuJob(2));
    says(scenario, { gpus: 2, health: ill("GPU-1-0") });
    expect(scenario.attempt(jobId).allocation.gpuIds).toHaveLength(2);
    scenario.end(scenario.attempt(jobId));
    expect(freeGpus(scenario)).toEqual(["GPU-1-1"]);
  });

  test("that is well again is given to who waited for it, in the same turn", () => {
    const scenario = withGpus(1);
    says(scenario, { gpus: 1, health: ill("GPU-1-0") });
    const jobId = scenario.submit(gpuJob(1));
    expect(scenario.task(jobId)?.state).toBe("queued");
    says(scenario, { gpus: 1 });
    expect(scenario.attempt(jobId).allocation.gpuIds).toEqual(["GPU-1-0"]);
  });

  test("takes its instances out with it", () => {
    const scenario = new Scenario();
    const hello = aHello(1);
    const migInstances = ["MIG-a", "MIG-b"].map((id) => ({
      id,
      profile: "1g.10gb",
      gpuInstance: null,
      computeInstance: null,
      memoryBytes: null,
    }));
    const split = {
      capacity: { ...hello.capacity, gpuIds: ["MIG-a", "MIG-b", "GPU-9"] },
      hardware: { ...hello.hardware, gpus: [aGpu("GPU-8", { isMigEnabled: true, migInstances }), aGpu("GPU-9")] },
    };
    scenario.hello(1, split);
    says(scenario, { ...split, health: ill("GPU-8") });
    expect(freeGpus(scenario)).toEqual(["GPU-9"]);
  });

  test("that is only degraded is given away as before", () => {
    const scenario = withGpus(1);
    says(scenario, { gpus: 1, health: ill("GPU-1-0", "pcieLinkNarrow", "degraded") });
    expect(freeGpus(scenario)).toEqual(["GPU-1-0"]);
  });

  test("takes the blame for an attempt that failed on it: the task runs elsewhere and loses no retry", () => {
    const scenario = withGpus(2);
    const jobId = scenario.submit(gpuJob(1));
    says(scenario, { gpus: 2, health: ill("GPU-1-0", "xidReboot") });
    scenario.end(scenario.attempt(jobId), { type: "signaled", signal: "SIGABRT" });
    expect(scenario.eventsNamed("attempt.ended")).toMatchObject([{ blame: "hardware" }]);
    expect(scenario.attempt(jobId)).toMatchObject({ number: 2, allocation: { gpuIds: ["GPU-1-1"] } });
    expect(scenario.task(jobId)?.userFailures).toBe(0);
  });

  test("takes no blame for what ran on another, or ended well, or was in somebody else's use", () => {
    const scenario = withGpus(2);
    const [first, second] = [scenario.submit(gpuJob(1)), scenario.submit(gpuJob(1))];
    says(scenario, { gpus: 2, health: ill("GPU-1-0", "foreignUse") });
    scenario.end(scenario.attempt(first), { type: "exited", code: 1 });
    says(scenario, { gpus: 2, health: ill("GPU-1-0", "gpuLost") });
    scenario.end(scenario.attempt(second), { type: "exited", code: 1 });
    expect(scenario.eventsNamed("attempt.ended").map(({ blame }) => blame)).toEqual(["user", "user"]);
  });
});

describe("a node that is unhealthy itself", () => {
  test("gets nothing new until it is well again", () => {
    const scenario = new Scenario();
    scenario.hello(1);
    const reasons = [{ code: "diskFull", state: "unhealthy" as const, evidence: "1 MiB free", sinceMs: 7 }];
    says(scenario, { health: { state: "unhealthy", reasons, gpus: [] } });
    const jobId = scenario.submit();
    expect(scenario.task(jobId)?.state).toBe("queued");
    says(scenario, {});
    expect(scenario.task(jobId)?.state).toBe("running");
  });
});

describe("each change of health", () => {
  test("is one event, and what stays is none", () => {
    const scenario = withGpus(2);
    for (const health of [ill("GPU-1-0"), ill("GPU-1-0"), HEALTHY, HEALTHY]) says(scenario, { gpus: 2, health });
    expect(scenario.eventsNamed("gpu.healthChanged")).toMatchObject([
      { gpuId: "GPU-1-0", health: "unhealthy", codes: ["gpuLost"], evidence: "seen" },
      { gpuId: "GPU-1-0", health: "healthy", codes: [] },
    ]);
    expect(scenario.eventsNamed("node.hardwareChanged")).toEqual([]);
  });

  test("is told of a node that is ill when it joins", () => {
    const scenario = new Scenario();
    scenario.hello(1, { gpus: 1, health: ill("GPU-1-0") });
    expect(scenario.eventsNamed("gpu.healthChanged")).toHaveLength(1);
  });

  test("of a connection that was replaced is not listened to", () => {
    const scenario = withGpus(1);
    scenario.hello(1, { gpus: 1 }, 2);
    says(scenario, { gpus: 1, health: ill("GPU-1-0") }, 1);
    expect(freeGpus(scenario)).toEqual(["GPU-1-0"]);
  });
});

describe("what a node once had", () => {
  const twoGpus = { hardware: { ...aHello(1).hardware, gpus: [aGpu("GPU-0"), aGpu("GPU-1")] } };
  const oneGpu = { hardware: { ...aHello(1).hardware, gpus: [aGpu("GPU-0")] } };
  const missing = (scenario: Scenario) =>
    scenario.fleet.nodes.get(nodeIdOf(1))?.health.reasons.map(({ code, evidence }) => [code, evidence]);

  test("and no longer shows is missing, whether it says so in a hello or in between", () => {
    for (const change of ["says", "hello"] as const) {
      const scenario = new Scenario();
      scenario.hello(1, twoGpus);
      if (change === "says") says(scenario, oneGpu);
      else scenario.hello(1, oneGpu, 2);
      expect(scenario.eventsNamed("gpu.missing")).toMatchObject([{ gpuId: "GPU-1", model: "A100-80GB" }]);
      expect(missing(scenario)).toEqual([["gpuMissing", "A100-80GB GPU-1"]]);
    }
  });

  test("and shows again is found", () => {
    const scenario = new Scenario();
    scenario.hello(1, twoGpus);
    says(scenario, oneGpu);
    says(scenario, twoGpus);
    expect(scenario.eventsNamed("gpu.found")).toMatchObject([{ gpuId: "GPU-1" }]);
    expect(missing(scenario)).toEqual([]);
  });

  test("is forgotten when somebody accepts what there is", () => {
    const scenario = new Scenario();
    scenario.hello(1, twoGpus);
    says(scenario, oneGpu);
    const accept = { type: "acceptHardware", nodeId: nodeIdOf(1), actor: "ops" } as const;
    expect(scenario.turn(accept)).toEqual([{ ok: true }]);
    expect(missing(scenario)).toEqual([]);
    expect(scenario.eventsNamed("node.hardwareAccepted")).toMatchObject([{ actor: "ops", missingGpuIds: ["GPU-1"] }]);
    says(scenario, oneGpu);
    expect(missing(scenario)).toEqual([]);
    expect(scenario.turn({ ...accept, nodeId: nodeIdOf(9) })).toMatchObject([{ ok: false, code: "node.notFound" }]);
  });

  test("also counts disks and memory, but not by a probe that failed", () => {
    const { hardware } = aHello(1);
    const software = { containerRuntimes: [], driverCudaVersion: null, cudaToolkitVersion: null, pythonVersion: null };
    const disk = { fileSystem: "xfs", sizeBytes: 9, freeBytes: 9, source: null, isNetwork: false, isReadOnly: false };
    const disks = ["/", "/data"].map((mount) => ({
      ...disk,
      mount,
      holdsDataDir: false,
      writeBytesPerSecond: null,
      readBytesPerSecond: null,
    }));
    const whole = { ...hardware, software, disks };
    const scenario = new Scenario();
    scenario.hello(1, { hardware: whole });
    const memoryBytes = Math.round(hardware.memoryBytes * 0.75);
    says(scenario, { hardware: { ...whole, disks: disks.slice(0, 1), memoryBytes } });
    expect(missing(scenario)).toEqual([
      ["diskMissing", "/data"],
      ["memoryMissing", "12 GiB of 16 GiB"],
    ]);
    says(scenario, { hardware });
    expect(missing(scenario)).toEqual([]);
  });
});
