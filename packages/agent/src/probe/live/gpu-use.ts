import type { GpuProcess } from "@drover/shared/domain/gpu-load.ts";

/** How much of a GPU's memory, or of an instance's of a split one, is taken, and by whom. */
export interface GpuUse {
  id: string;
  memoryUsedBytes: number | null;
  /** Monotonic, when a tool said so; `null`: it is watched, and nothing was heard yet. */
  saidAtMs: number | null;
  processes: readonly GpuProcess[];
}
