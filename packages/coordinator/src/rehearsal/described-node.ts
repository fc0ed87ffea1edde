import { GpuDevice } from "@drover/shared/domain/gpu.ts";
import { HEALTHY } from "@drover/shared/domain/health.ts";
import { NodeId } from "@drover/shared/domain/ids.ts";
import { Hardware } from "@drover/shared/domain/node.ts";
import type { Instant } from "../core/fleet.ts";
import type { Happening } from "../core/input.ts";

/** A machine as it is described, not as an agent found it. */
export interface DescribedNode {
  readonly name: string;
  readonly site: string | null;
  readonly cpuMilli: number;
  readonly memoryBytes: number;
  readonly gpus: readonly { readonly model: string; readonly memoryBytes: number | null }[];
}

/** What its agent would say when it connects; ids follow from its place in the list. */
export function helloOf(node: DescribedNode, index: number, heardAt: Instant): Happening {
  const { name, site, cpuMilli, memoryBytes } = node;
  const gpus = node.gpus.map((gpu, place) =>
    GpuDevice.parse({
      id: `GPU-${index + 1}-${place}`,
      index: place,
      model: gpu.model,
      modelName: gpu.model,
      memoryBytes: gpu.memoryBytes,
      driverVersion: null,
    }),
  );
  const machine = { disks: [], os: "described", kernel: "described", architecture: "x64", warnings: [] };
  const cpu = { model: "described", cores: Math.max(1, Math.ceil(cpuMilli / 1000)), physicalCores: null };
  return {
    type: "agentHello",
    sessionId: index + 1,
    heardAt,
    hello: {
      type: "hello",
      protocolVersion: 2,
      agentVersion: "0.0.0",
      nodeId: nodeIdOf(index),
      name,
      bootId: "described",
      machineId: null,
      proof: null,
      site,
      capacity: { cpuMilli, memoryBytes, gpuIds: gpus.map(({ id }) => id) },
      hardware: Hardware.parse({ ...machine, cpu, memoryBytes, gpus }),
      health: HEALTHY,
      attempts: [],
      placements: null,
    },
  };
}

export function nodeIdOf(index: number): NodeId {
  return NodeId.parse(`node-${String(index + 1).padStart(12, "0")}`);
}
