import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { a100, a100Uuid, gpuCsv, nvidiaSmi } from "../../packages/agent/src/testing/nvidia-machines.ts";
import { makeTool, type ReplayedTool } from "../../packages/agent/src/testing/replayed-tool.ts";
import { LocalFleet } from "../support/local-fleet.ts";
import { waitFor } from "../support/wait-for.ts";

const GPUS = [a100(0), a100(1)];
const folder = mkdtempSync(join(tmpdir(), "drover-hardware-"));
let tool: ReplayedTool;
let fleet: LocalFleet;

beforeAll(async () => {
  tool = makeTool(folder, [
    { when: "--query-gpu.*--loop", csv: gpuCsv(GPUS), everyMs: 200 },
    { when: "--query-compute-apps.*--loop", stdout: `${a100Uuid(0)}, ${process.pid}, node, 512\n`, everyMs: 200 },
    ...nvidiaSmi(GPUS),
  ]);
  fleet = await LocalFleet.start(["--nvidia-smi", tool.path]);
});
afterAll(async () => {
  await fleet[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

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
});
