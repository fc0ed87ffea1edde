import { z } from "zod";

/** What one task asks for. Whole numbers only: a thousandth of a CPU, a byte, a whole GPU. */
export const ResourceRequest = z.object({
  cpuMilli: z.int().nonnegative(),
  memoryBytes: z.int().nonnegative(),
  gpuCount: z.int().nonnegative(),
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
});
export type Allocation = z.infer<typeof Allocation>;

export function fits(request: ResourceRequest, free: ResourceCapacity): boolean {
  return (
    request.cpuMilli <= free.cpuMilli &&
    request.memoryBytes <= free.memoryBytes &&
    request.gpuCount <= free.gpuIds.length
  );
}
