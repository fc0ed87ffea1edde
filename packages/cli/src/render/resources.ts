import { formatBytes } from "@drover/shared/units.ts";

/** `1.5` of 1500 thousandths. */
export function formatCpus(cpuMilli: number): string {
  return String(cpuMilli / 1000);
}

/** `2 CPUs, 512 MiB, 1 GPU`: what a task asks for, or what a node lacks; parts that are zero are left out. */
export function formatResources({
  cpuMilli,
  memoryBytes,
  gpuCount,
}: {
  cpuMilli: number;
  memoryBytes: number;
  gpuCount: number;
}): string {
  const parts: string[] = [];
  if (cpuMilli > 0) parts.push(`${formatCpus(cpuMilli)} ${cpuMilli === 1000 ? "CPU" : "CPUs"}`);
  if (memoryBytes > 0) parts.push(formatBytes(memoryBytes));
  if (gpuCount > 0) parts.push(`${gpuCount} ${gpuCount === 1 ? "GPU" : "GPUs"}`);
  return parts.length > 0 ? parts.join(", ") : "nothing";
}
