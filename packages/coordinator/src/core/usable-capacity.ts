import type { GpuHealth, HealthCode } from "@drover/shared/domain/health.ts";
import type { Allocation, ResourceCapacity } from "@drover/shared/domain/resources.ts";
import type { NodeRecord } from "./records.ts";

/** Not broken: somebody else is using it, or has not left it. */
const IN_USE: ReadonlySet<string> = new Set<HealthCode>(["foreignUse", "quarantined"]);

/** What of a node may be given to something new: all but GPUs that are unhealthy, and the parts of those. */
export function usableCapacity(node: NodeRecord): ResourceCapacity {
  const unusable = idsOf(node, ({ state }) => state === "unhealthy");
  if (unusable.size === 0) return node.capacity;
  return { ...node.capacity, gpuIds: node.capacity.gpuIds.filter((id) => !unusable.has(id)) };
}

/** A GPU that was given away is broken, or no longer there at all. */
export function holdsBrokenGpu(node: NodeRecord, { gpuIds }: Allocation): boolean {
  if (gpuIds.length === 0) return false;
  const broken = idsOf(node, ({ reasons }) =>
    reasons.some(({ state, code }) => state === "unhealthy" && !IN_USE.has(code)),
  );
  const present = new Set(node.capacity.gpuIds);
  return gpuIds.some((id) => broken.has(id) || !present.has(id));
}

/** Of such GPUs, and of the instances that they are split into. */
function idsOf({ hardware, health }: NodeRecord, isSuch: (gpu: GpuHealth) => boolean): Set<string> {
  const ids = new Set(health.gpus.filter(isSuch).map(({ gpuId }) => gpuId));
  for (const gpu of ids.size === 0 ? [] : hardware.gpus) {
    if (ids.has(gpu.id)) for (const instance of gpu.migInstances) ids.add(instance.id);
  }
  return ids;
}
