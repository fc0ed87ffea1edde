import { z } from "zod";
import { RevisionId } from "./model.ts";

/** All of one GPU, in thousandths of it. */
export const WHOLE_GPU_MILLI = 1000;

const GpuMilli = z.int().min(1).max(WHOLE_GPU_MILLI);

/** A model that a task reads. */
export const ModelRequest = z.object({
  name: z.string(),
  /** What the name meant when the job was accepted; `null` until then. */
  revisionId: RevisionId.nullable(),
});
export type ModelRequest = z.infer<typeof ModelRequest>;

/** What one task asks for. Whole numbers only: a thousandth of a CPU, a byte, a thousandth of a GPU. */
export const ResourceRequest = z.object({
  cpuMilli: z.int().nonnegative(),
  memoryBytes: z.int().nonnegative(),
  gpuCount: z.int().nonnegative(),
  /** The share of each GPU, in thousandths of it. Others share a GPU of which less than all is asked for. */
  gpuMilli: GpuMilli,
  /** Asked for in place of `gpuMilli`: how many thousandths that is depends on the GPU. */
  gpuMemoryBytes: z.int().positive().nullable(),
  /** Acceptable models, as people call them; empty: any. */
  gpuModels: z.array(z.string()),
  /** What each GPU has in all, at least. */
  gpuMemoryMinBytes: z.int().nonnegative(),
  /** What must be ready on the node; not said: nothing. */
  models: z.array(ModelRequest).optional(),
});
export type ResourceRequest = z.infer<typeof ResourceRequest>;

/** What a node offers in all; GPUs by the stable id of each device. */
export const ResourceCapacity = z.object({
  cpuMilli: z.int().nonnegative(),
  memoryBytes: z.int().nonnegative(),
  gpuIds: z.array(z.string()),
});
export type ResourceCapacity = z.infer<typeof ResourceCapacity>;

/** The exact share of one node that an attempt holds until it has ended. */
export const Allocation = z.object({
  cpuMilli: z.int().nonnegative(),
  memoryBytes: z.int().nonnegative(),
  gpuIds: z.array(z.string()),
  /** Of each of these GPUs, in thousandths of it. Before there were shares, an attempt held all of each. */
  gpuMilli: GpuMilli.default(WHOLE_GPU_MILLI),
});
export type Allocation = z.infer<typeof Allocation>;

/** How much of one GPU is held, or free, in thousandths of it. */
export const GpuShare = z.object({ gpuId: z.string(), gpuMilli: z.int().nonnegative() });
export type GpuShare = z.infer<typeof GpuShare>;

export function gpuSharesOf({ gpuIds, gpuMilli }: Allocation): GpuShare[] {
  return gpuIds.map((gpuId) => ({ gpuId, gpuMilli }));
}
