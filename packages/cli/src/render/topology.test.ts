import { GpuDevice } from "@drover/shared/domain/gpu.ts";
import { expect, test } from "vitest";
import { renderTopology } from "./topology.ts";

function gpu(index: number, fields: Partial<GpuDevice>): GpuDevice {
  const identity = { id: `GPU-${index}`, index, model: "A100", memoryBytes: null, driverVersion: null };
  return GpuDevice.parse({ ...identity, ...fields });
}

test("the topology is a table of GPUs, network cards and CPUs", () => {
  const gpus = [
    gpu(0, { links: { "GPU-1": "NV12" }, nicLinks: { mlx5_0: "PXB" }, numaNode: 0, cpuAffinity: "0-19" }),
    gpu(1, { links: { "GPU-0": "NV12" }, nicLinks: { mlx5_0: "SYS" }, numaNode: 1, cpuAffinity: "20-39" }),
  ];
  expect(renderTopology(gpus, null)).toMatchInlineSnapshot(`
    "       0     1     mlx5_0  NUMA  CPUS
    gpu 0  ·     NV12  PXB     0     0-19
    gpu 1  NV12  ·     SYS     1     20-39
    "
  `);
});

test("a single GPU has none", () => {
  expect(renderTopology([gpu(0, {})], null)).toBe("");
});
