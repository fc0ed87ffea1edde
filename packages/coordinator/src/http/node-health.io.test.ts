import { NodeLoad } from "@drover/shared/domain/node.ts";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { RunningCoordinator } from "../testing/running-coordinator.ts";
import { aGpu, aHello } from "../testing/scenario.ts";

let coordinator: RunningCoordinator;
beforeAll(async () => {
  coordinator = await RunningCoordinator.start();
});
afterAll(() => coordinator[Symbol.asyncDispose]());

const LOAD = NodeLoad.parse({ load1: 0, memoryAvailableBytes: 1, dataDiskFreeBytes: 1 });

describe("a node that says in a heartbeat what has changed", () => {
  test("is shown with its health, keeps it over a restart, and is missing what it no longer has until accepted", async () => {
    const { hardware, capacity } = aHello(1);
    const gpus = [aGpu("GPU-0"), aGpu("GPU-1")];
    const agent = await coordinator.connectAgent(1, { hardware: { ...hardware, gpus } });
    const reason = { code: "gpuLost", state: "unhealthy" as const, evidence: "[GPU is lost]", sinceMs: 5 };
    agent.send({
      type: "heartbeat",
      sequence: 1,
      load: LOAD,
      attemptCount: 0,
      changes: {
        capacity,
        hardware: { ...hardware, gpus: gpus.slice(0, 1) },
        health: {
          state: "healthy",
          reasons: [],
          gpus: [{ gpuId: "GPU-0", state: "unhealthy", reasons: [reason] }],
        },
      },
    });
    const { nowMs } = await agent.next("heartbeatAck");
    expect(Math.abs((nowMs ?? 0) - Date.now())).toBeLessThan(5_000);
    // Behind the changes in the engine's queue: when it is answered, they are durable.
    await coordinator.client.submitJob({ command: ["true"], resources: { gpus: 9 } });
    const shown = {
      health: {
        state: "degraded",
        reasons: [{ code: "gpuMissing", evidence: "A100-80GB GPU-1" }],
        gpus: [{ gpuId: "GPU-0", state: "unhealthy", reasons: [reason] }],
      },
      missingGpus: [{ id: "GPU-1", model: "A100-80GB" }],
    };
    expect(await coordinator.client.getNode("node1")).toMatchObject(shown);
    await coordinator.restart();
    expect(await coordinator.client.getNode("node1")).toMatchObject(shown);
    const accepted = await coordinator.client.acceptHardware("node1");
    expect(accepted).toMatchObject({ missingGpus: [], health: { state: "healthy", reasons: [] } });
    expect(accepted.health.gpus).toHaveLength(1);
  });

  test("gives a GPU back that an operator releases by its index, also over a restart", async () => {
    const { hardware, capacity } = aHello(2);
    const reason = { code: "quarantined", state: "unhealthy" as const, evidence: "pid 77", sinceMs: 5 };
    const gpus = [{ gpuId: "GPU-7", state: "unhealthy" as const, reasons: [reason] }];
    const health = { state: "healthy" as const, reasons: [], gpus };
    const said = { hardware: { ...hardware, gpus: [aGpu("GPU-7", { index: 3 })] }, capacity, health };
    await coordinator.connectAgent(2, said);
    expect((await coordinator.client.getNode("node2")).health.gpus).toHaveLength(1);
    await expect(coordinator.client.releaseGpu("node2", "9")).rejects.toMatchObject({ code: "gpu.notFound" });
    expect((await coordinator.client.releaseGpu("node2", "3")).health.gpus).toEqual([]);
    await expect(coordinator.client.releaseGpu("node2", "GPU-7")).rejects.toMatchObject({ code: "gpu.notQuarantined" });
    await coordinator.restart();
    await coordinator.connectAgent(2, said);
    expect((await coordinator.client.getNode("node2")).health.gpus).toEqual([]);
  });

  test("that nobody knows has no hardware to accept", async () => {
    await expect(coordinator.client.acceptHardware("nobody")).rejects.toMatchObject({ code: "node.notFound" });
  });
});
