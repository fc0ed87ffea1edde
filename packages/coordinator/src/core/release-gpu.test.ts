import type { NodeHealth } from "@drover/shared/domain/health.ts";
import { describe, expect, test } from "vitest";
import { aGpu, aHello, aJob, nodeIdOf, Scenario } from "../testing/scenario.ts";

const GPU = "GPU-1-0";
const ONE_GPU = { resources: { cpus: 1, memory: 1, gpus: 1 } };

function quarantined(sinceMs: number | null, more: readonly string[] = []): NodeHealth {
  const codes = [...(sinceMs === null ? [] : ["quarantined"]), ...more];
  const reasons = codes.map((code) => ({
    code,
    state: "unhealthy" as const,
    evidence: "pid 77",
    sinceMs: sinceMs ?? 1,
  }));
  const gpus = reasons.length === 0 ? [] : [{ gpuId: GPU, state: "unhealthy" as const, reasons }];
  return { state: "healthy", reasons: [], gpus };
}

function aFleet(health: NodeHealth) {
  const scenario = new Scenario();
  const { hardware, capacity } = aHello(1, { gpus: 1 });
  const said = { hardware: { ...hardware, gpus: [aGpu(GPU)] }, capacity };
  scenario.hello(1, { ...said, health });
  const change = (next: NodeHealth) =>
    scenario.turn({ type: "nodeChanges", sessionId: 1, nodeId: nodeIdOf(1), changes: { ...said, health: next } });
  const release = (gpuId = GPU) => scenario.turn({ type: "releaseGpu", nodeId: nodeIdOf(1), gpuId, actor: "ops" })[0];
  const shown = () => scenario.fleet.nodes.get(nodeIdOf(1))?.health.gpus ?? [];
  return { scenario, change, release, shown };
}

describe("a GPU in quarantine", () => {
  test("is given to nobody, until an operator releases it", () => {
    const { scenario, release, shown } = aFleet(quarantined(5));
    const job = scenario.submit(aJob(ONE_GPU));
    expect(scenario.task(job)?.state).toBe("queued");
    expect(release()).toEqual({ ok: true });
    expect(scenario.task(job)?.state).toBe("running");
    expect(shown()).toEqual([]);
    expect(scenario.eventsNamed("gpu.released")).toMatchObject([{ gpuId: GPU, actor: "ops" }]);
    expect(scenario.eventsNamed("gpu.healthChanged").at(-1)).toMatchObject({ gpuId: GPU, health: "healthy" });
  });

  test("stays released as long as its agent repeats the same, over reconnects, and not when it says another", () => {
    const { scenario, change, release, shown } = aFleet(quarantined(5));
    release();
    change(quarantined(5));
    scenario.cut(1);
    const { hardware, capacity } = aHello(1, { gpus: 1 });
    scenario.hello(1, { hardware: { ...hardware, gpus: [aGpu(GPU)] }, capacity, health: quarantined(5) });
    expect(shown()).toEqual([]);
    change(quarantined(99));
    expect(shown()).toMatchObject([{ gpuId: GPU, state: "unhealthy" }]);
  });

  test("that is over is forgotten: what an operator said of it is of no other", () => {
    const { scenario, change, release } = aFleet(quarantined(5));
    release();
    change(quarantined(null));
    expect(scenario.fleet.nodes.get(nodeIdOf(1))?.releasedGpus).toEqual([]);
  });

  test("that is also broken stays out", () => {
    const { release, shown } = aFleet(quarantined(5, ["gpuLost"]));
    release();
    expect(shown()).toMatchObject([{ state: "unhealthy", reasons: [{ code: "gpuLost" }] }]);
  });

  test("is the only one that can be released, and only once", () => {
    const { release } = aFleet(quarantined(5));
    expect(release("GPU-1-1")).toMatchObject({ ok: false, code: "gpu.notQuarantined" });
    release();
    expect(release()).toMatchObject({ ok: false, code: "gpu.notQuarantined" });
  });
});
