import { describe, expect, test } from "vitest";
import { aNode } from "../testing/builders.ts";
import { renderAdmin, renderNode, renderNodes } from "./node.ts";

const VIEW = { nowMs: Date.parse("2026-01-02T03:05:05.000Z"), width: null };

describe("the list of nodes", () => {
  test("shows what of each node is held", () => {
    expect(renderNodes([aNode()], VIEW)).toMatchInlineSnapshot(`
      "NODE    SITE    STATE   HEALTH     CPUS        MEMORY  GPUS  ATTEMPTS  GPU MODEL  CPU MODEL   ID
      gpu-01  berlin  online  healthy  1.5/16  8 GiB/64 GiB   1/2         1  RTX 4090   EPYC 7443P  node-4k7x9q2mab3c
      "
    `);
  });

  test("tells of a node that takes no new work", () => {
    expect(renderNodes([aNode({ admin: "draining" })], VIEW)).toContain("online, draining");
  });

  test("tells of a node that was declared gone", () => {
    const goneSince = "2026-01-02T03:04:05.000Z";
    expect(renderNodes([aNode({ link: "lost", goneSince })], VIEW)).toContain("lost, declared gone");
  });
});

describe("one node", () => {
  test("shows its hardware, its load and what runs there", () => {
    const text = renderNode(aNode(), VIEW);
    expect(text).toContain("EPYC 7443P, 16 cores (8 physical)");
    expect(text).toContain("RTX 4090, 24 GiB, driver 570.1, GPU-1");
    expect(text).toContain("1 GiB free of 1 TiB, ext4");
    expect(text).toContain("12.0.1-k7q2mx");
    expect(text).toMatch(/^site +berlin$/m);
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

  test("says what attempts are held to, and why where they are not", () => {
    const node = aNode();
    const held = { memory: "cgroup2", cpu: "cgroup2", cpuset: "cgroup2", reason: null } as const;
    node.hardware.enforcement = held;
    expect(renderNode(node, VIEW)).toMatch(/^enforced +memory, shares of CPUs, CPUs near GPUs \(cgroup2\)$/m);
    node.hardware.enforcement = { ...held, memory: null, reason: "the memory controller is not delegated" };
    expect(renderNode(node, VIEW)).toContain("; not memory: the memory controller is not delegated");
  });

  test("says what of the hardware could not be read", () => {
    const node = aNode();
    node.hardware.warnings.push("nvidia-smi does not answer");
    expect(renderNode(node, VIEW)).toContain("nvidia-smi does not answer");
  });

  test("says who cordoned it, when and why, and when a drain ends", () => {
    const said = { adminSince: "2026-01-02T03:04:05.000Z", adminActor: "127.0.0.1", adminReason: "a new disk" };
    expect(renderNode(aNode({ admin: "cordoned", ...said }), VIEW)).toMatch(
      /^why +cordoned 1m ago by 127\.0\.0\.1: a new disk$/m,
    );
    const drainDeadline = "2026-01-02T05:05:05.000Z";
    expect(renderNode(aNode({ admin: "draining", ...said, adminReason: null, drainDeadline }), VIEW)).toMatch(
      /^why +draining 1m ago by 127\.0\.0\.1; what is left is stopped in 2h$/m,
    );
    expect(renderNode(aNode({ admin: "schedulable", ...said }), VIEW)).not.toMatch(/^why/m);
  });
});

describe("the answer to an operator's word", () => {
  const drainDeadline = "2026-01-02T05:05:05.000Z";

  test.each([
    [{ admin: "schedulable" }, "takes new work"],
    [{ admin: "cordoned", attemptCount: 0 }, "is cordoned: nothing new is given to it, nothing runs there"],
    [
      { admin: "draining", attemptCount: 2, drainDeadline },
      "is draining: nothing new is given to it, 2 attempts go on there, and what is left is stopped in 2h",
    ],
    [{ admin: "drained", attemptCount: 0 }, "is drained: nothing is left there"],
  ] as const)("says what becomes of it: %j", (fields, text) => {
    expect(renderAdmin(aNode(fields), VIEW.nowMs)).toBe(`node gpu-01 ${text}\n`);
  });
});
