import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { a100, a100Uuid, gpuCsv, nvidiaSmi, type GpuCells } from "../../packages/agent/src/testing/nvidia-machines.ts";
import { makeTool, type Replay, type ReplayedTool } from "../../packages/agent/src/testing/replayed-tool.ts";
import { LocalFleet } from "../support/local-fleet.ts";
import { waitFor } from "../support/wait-for.ts";

const GPUS = [a100(0), a100(1)];
const folder = mkdtempSync(join(tmpdir(), "drover-hardware-"));
let tool: ReplayedTool;
let fleet: LocalFleet;

function machine(gpus: readonly GpuCells[], processes: string): Replay[] {
  return [
    { when: "--query-gpu.*--loop", csv: gpuCsv(gpus), everyMs: 200 },
    { when: "--query-compute-apps.*--loop", stdout: processes, everyMs: 200 },
    ...nvidiaSmi(gpus),
  ];
}

beforeAll(async () => {
  tool = makeTool(folder, machine(GPUS, `${a100Uuid(0)}, ${process.pid}, node, 512\n`));
  fleet = await LocalFleet.start(["--nvidia-smi", tool.path]);
});
afterAll(async () => {
  await fleet[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

/** Which GPUs a job of one GPU is given. */
async function gpusOfAJob(): Promise<string> {
  const { id } = await fleet.client.submitJob({
    script: 'echo "$CUDA_VISIBLE_DEVICES"',
    resources: { cpus: 0.1, memory: "1MiB", gpus: 1 },
  });
  await fleet.untilEnded(id);
  return (await fleet.outputOf(id)).toString().trim();
}

async function untilIll(expected: readonly string[]): Promise<void> {
  await waitFor(`${expected.join()} to be ill`, async () => {
    const { health } = await fleet.client.getNode("local");
    const codes = health.gpus.map(({ gpuId, reasons }) => `${gpuId} ${reasons.map(({ code }) => code).join(" ")}`);
    return codes.join() === expected.join();
  });
}

describe("a node with GPUs", () => {
  test("is shown with what they are, and with what they do", async () => {
    await waitFor("a heartbeat with the load of both", async () => {
      const { load } = await fleet.client.getNode("local");
      return load?.gpus.every(({ memoryUsedBytes }) => memoryUsedBytes !== null) ?? false;
    });
    const node = await fleet.client.getNode("local");
    expect(node.hardware.gpus).toMatchObject([
      { id: a100Uuid(0), modelName: "A100-80GB", links: { [a100Uuid(1)]: "NV12" } },
      { id: a100Uuid(1), modelName: "A100-80GB" },
    ]);
    expect(node.capacity.gpuIds).toEqual([a100Uuid(0), a100Uuid(1)]);
    expect(node.load?.gpus).toMatchObject([
      { id: a100Uuid(0), utilizationPercent: 100, processes: [{ pid: process.pid, attemptId: null }] },
      { id: a100Uuid(1), processes: [] },
    ]);
    expect(node.load?.cpuUsedMilli).not.toBeNull();
    expect(node.load?.rates).not.toBeNull();
  });

  test("leaves out a GPU that somebody else's process uses", async () => {
    await untilIll([`${a100Uuid(0)} foreignUse`]);
    expect(await gpusOfAJob()).toBe(a100Uuid(1));
  });

  test("runs tasks that ask for a share on one GPU together, and none that wants the whole of it beside them", async () => {
    const gate = join(folder, "gate");
    const quarters = await fleet.client.submitJob({
      script: 'until [ -e "$GATE" ]; do sleep 0.1; done; echo "$DROVER_GPUS of $CUDA_VISIBLE_DEVICES"',
      env: { GATE: gate },
      resources: { cpus: 0.1, memory: "1MiB", gpus: 0.25 },
      array: { size: 4 },
    });
    await waitFor("all four to run", async () => {
      const { tasks } = await fleet.client.getJob(quarters.id);
      return tasks.every(({ attempts }) => attempts[0]?.state === "running");
    });
    const whole = await fleet.client.submitJob({
      command: ["true"],
      resources: { cpus: 0.1, memory: "1MiB", gpus: { model: "A100" } },
    });
    expect((await fleet.client.getNode("local")).allocated.gpuShares).toEqual([{ gpuId: a100Uuid(1), gpuMilli: 1000 }]);
    expect((await fleet.client.getJob(whole.id)).waiting).toMatchObject({
      code: "noNodeFitsNow",
      constraints: [{ constraint: "gpus", nodeCount: 1, soleCount: 1 }],
    });
    writeFileSync(gate, "");
    await fleet.untilEnded(quarters.id);
    for (let index = 0; index < 4; index++)
      expect((await fleet.outputOf(quarters.id, index)).toString().trim()).toBe(`0.25 of ${a100Uuid(1)}`);
    await fleet.untilEnded(whole.id);
  });

  test("leaves out a GPU that must be reset, and takes the other back as soon as it is free", async () => {
    const sick = { ...a100(1), "temperature.gpu": "[GPU requires reset]" };
    tool.replace(machine([a100(0), sick], ""));
    await untilIll([`${a100Uuid(1)} gpuRequiresReset`]);
    expect(await gpusOfAJob()).toBe(a100Uuid(0));
    const events: string[] = [];
    for await (const { event } of fleet.client.readEvents({ since: 0 })) events.push(event);
    expect(events.filter((event) => event === "gpu.healthChanged").length).toBeGreaterThanOrEqual(3);
  });
});
