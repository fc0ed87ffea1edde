import { describe, expect, test } from "vitest";
import { aNode } from "../testing/builders.ts";
import { renderNode, renderNodes } from "./node.ts";

const VIEW = { nowMs: Date.parse("2026-01-02T03:05:05.000Z"), width: null };

describe("the list of nodes", () => {
  test("shows what of each node is held", () => {
    expect(renderNodes([aNode()], VIEW)).toMatchInlineSnapshot(`
      "NODE    STATE   HEALTH     CPUS        MEMORY  GPUS  ATTEMPTS  GPU MODEL  CPU MODEL   ID
      gpu-01  online  healthy  1.5/16  8 GiB/64 GiB   1/2         1  RTX 4090   EPYC 7443P  node-4k7x9q2mab3c
      "
    `);
  });

  test("tells of a node that takes no new work", () => {
    expect(renderNodes([aNode({ admin: "draining" })], VIEW)).toContain("online, draining");
  });
});

describe("one node", () => {
  test("shows its hardware, its load and what runs there", () => {
    const text = renderNode(aNode(), VIEW);
    expect(text).toContain("EPYC 7443P, 16 cores (8 physical)");
    expect(text).toContain("RTX 4090, 24 GiB, driver 570.1, GPU-1");
    expect(text).toContain("1 GiB free of 1 TiB, ext4");
    expect(text).toContain("12.0.1-k7q2mx");
  });

  test("shows what a container, a split GPU and a fault make of it", () => {
    const node = aNode();
    const { cpu, gpus } = node.hardware;
    node.hardware = {
      ...node.hardware,
      cpu: { ...cpu, threads: 128, sockets: 2, usableMilli: 6000, boundBy: "RUNPOD_CPU_COUNT" },
      memory: { totalBytes: 512 * 1024 ** 3, swapBytes: 0, limitBytes: 64 * 1024 ** 3 },
      gpus: gpus.map((gpu) => ({
        ...gpu,
        isMigEnabled: true,
        migInstances: [
          { id: "MIG-1", profile: "1g.10gb", gpuInstance: 1, computeInstance: 0, memoryBytes: 10 * 1024 ** 3 },
        ],
      })),
      gpuFaults: [{ gpuId: "GPU-1", pciAddress: null, code: "gpuLost", evidence: "[GPU is lost]" }],
    };
    const text = renderNode(node, VIEW);
    expect(text).toContain("128 cores (8 physical) in 2 sockets of which RUNPOD_CPU_COUNT leaves 6");
    expect(text).toContain("512 GiB, of which the cgroup leaves 64 GiB");
    expect(text).toContain("in 1 instances, GPU-1");
    expect(text).toContain("1g.10gb, 10 GiB, MIG-1");
    expect(text).toContain("gpuLost on GPU-1: [GPU is lost]");
  });

  test("says what of the hardware could not be read", () => {
    const node = aNode();
    node.hardware.warnings.push("nvidia-smi does not answer");
    expect(renderNode(node, VIEW)).toContain("nvidia-smi does not answer");
  });
});
