import { formatBytes } from "../units.ts";
import { WHOLE_GPU_MILLI, type ResourceRequest } from "./resources.ts";

type Amounts = Pick<ResourceRequest, "cpuMilli" | "memoryBytes" | "gpuCount">;
type GpuTerms = Omit<ResourceRequest, keyof Amounts>;

/** `1.5` of 1500 thousandths. */
export function formatMilli(milli: number): string {
  return String(milli / 1000);
}

/** `2 CPUs, 512 MiB, 1 GPU`: what a task asks for, or what a node lacks; parts that are zero are left out. */
export function formatResources(resources: Amounts & Partial<GpuTerms>): string {
  const { cpuMilli, memoryBytes, gpuCount } = resources;
  const parts: string[] = [];
  if (cpuMilli > 0) parts.push(`${formatMilli(cpuMilli)} ${cpuMilli === 1000 ? "CPU" : "CPUs"}`);
  if (memoryBytes > 0) parts.push(formatBytes(memoryBytes));
  if (gpuCount > 0) parts.push(`${formatGpuAmount(resources)}${formatGpuTerms(resources)}`);
  return parts.length > 0 ? parts.join(", ") : "nothing";
}

/** `2 GPUs`, `0.25 of a GPU`, `10 GiB of a GPU`. */
function formatGpuAmount({
  gpuCount,
  gpuMilli = WHOLE_GPU_MILLI,
  gpuMemoryBytes,
}: Amounts & Partial<GpuTerms>): string {
  if (gpuMemoryBytes) return `${formatBytes(gpuMemoryBytes)} of a GPU`;
  if (gpuMilli < WHOLE_GPU_MILLI) return `${formatMilli(gpuMilli)} of a GPU`;
  return `${gpuCount} ${gpuCount === 1 ? "GPU" : "GPUs"}`;
}

/** ` (H100 or A100-80GB, with 40 GiB or more)`. */
function formatGpuTerms({ gpuModels = [], gpuMemoryMinBytes = 0 }: Partial<GpuTerms>): string {
  const terms: string[] = [];
  if (gpuModels.length > 0) terms.push(gpuModels.join(" or "));
  if (gpuMemoryMinBytes > 0) terms.push(`with ${formatBytes(gpuMemoryMinBytes)} or more`);
  return terms.length > 0 ? ` (${terms.join(", ")})` : "";
}
