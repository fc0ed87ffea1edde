import type { Node } from "@drover/shared/api/nodes.ts";
import { formatBytes } from "@drover/shared/units.ts";

/** The node that joined, with the hardware that it really has. */
export function describeNode({ name, id, hardware }: Node): string {
  const { cpu, memoryBytes, gpus, disks, os, kernel, architecture } = hardware;
  const largestDisk = disks.toSorted((a, b) => b.freeBytes - a.freeBytes)[0];
  const parts = [
    `${cpu.model}, ${cpu.cores} ${cpu.cores === 1 ? "core" : "cores"}`,
    `${formatBytes(memoryBytes)} of memory`,
    gpus.length === 0 ? "no GPU" : gpus.map((gpu) => gpu.model).join(", "),
  ];
  if (largestDisk) parts.push(`${formatBytes(largestDisk.freeBytes)} free on ${largestDisk.mount}`);
  return `Node         ${name}  ${id}\n             ${parts.join(", ")}\n             ${os}, kernel ${kernel}, ${architecture}`;
}
