import type { Node, NodeDetail } from "@drover/shared/api/nodes.ts";
import { formatBytes } from "@drover/shared/units.ts";
import { renderFields } from "./fields.ts";
import { printable } from "./printable.ts";
import type { View } from "./job.ts";
import { formatCpus } from "./resources.ts";
import { renderTable, type Column } from "./table.ts";
import { formatAgo, formatIn } from "./time.ts";

export function renderNodes(nodes: readonly Node[], { width }: View): string {
  const columns: Column<Node>[] = [
    { title: "NODE", cell: (node) => node.name, shrinkTo: 8 },
    { title: "SITE", cell: (node) => node.site ?? "-", shrinkTo: 6 },
    { title: "STATE", cell: stateOf },
    {
      title: "CPUS",
      cell: ({ allocated, capacity }) => `${formatCpus(allocated.cpuMilli)}/${formatCpus(capacity.cpuMilli)}`,
      alignRight: true,
    },
    {
      title: "MEMORY",
      cell: ({ allocated, capacity }) => `${formatBytes(allocated.memoryBytes)}/${formatBytes(capacity.memoryBytes)}`,
      alignRight: true,
    },
    {
      title: "GPUS",
      cell: ({ allocated, capacity }) => `${allocated.gpuIds.length}/${capacity.gpuIds.length}`,
      alignRight: true,
    },
    { title: "ATTEMPTS", cell: (node) => String(node.attemptCount), alignRight: true },
    { title: "CPU MODEL", cell: (node) => node.hardware.cpu.model, shrinkTo: 10 },
    { title: "ID", cell: (node) => node.id },
  ];
  return renderTable(columns, nodes, width);
}

export function renderNode(node: NodeDetail, { nowMs }: View): string {
  const { allocated, capacity, hardware, load } = node;
  const cores = hardware.cpu.physicalCores === null ? "" : ` (${hardware.cpu.physicalCores} physical)`;
  return renderFields([
    ["node", `${node.name}  ${node.id}`],
    ["site", node.site],
    ["state", `${stateOf(node)} since ${formatAgo(node.linkSince, nowMs)}`],
    ["why", whyOf(node, nowMs)],
    ["heard", node.lastHeardAt === null ? "not since the coordinator started" : formatAgo(node.lastHeardAt, nowMs)],
    ["joined", node.joinedAt],
    ["system", `${hardware.os}, kernel ${hardware.kernel}, ${hardware.architecture}`],
    ["agent", node.agentVersion],
    ["cpu", `${hardware.cpu.model}, ${hardware.cpu.cores} cores${cores}`],
    ["memory", formatBytes(hardware.memoryBytes)],
    ...hardware.gpus.map((gpu) => [`gpu ${gpu.index}`, describeGpu(gpu)] as const),
    ...hardware.disks.map(
      (disk) =>
        [
          "disk",
          `${disk.mount}  ${formatBytes(disk.freeBytes)} free of ${formatBytes(disk.sizeBytes)}, ${disk.fileSystem}`,
        ] as const,
    ),
    ...hardware.warnings.map((warning) => ["warning", warning] as const),
    ["cpus held", `${formatCpus(allocated.cpuMilli)} of ${formatCpus(capacity.cpuMilli)}`],
    ["memory held", `${formatBytes(allocated.memoryBytes)} of ${formatBytes(capacity.memoryBytes)}`],
    ["gpus held", capacity.gpuIds.length === 0 ? null : `${allocated.gpuIds.length} of ${capacity.gpuIds.length}`],
    ["load", load === null ? null : `${load.load1}, ${formatBytes(load.memoryAvailableBytes)} of memory available`],
    ["attempts", node.attempts.length === 0 ? "none" : node.attempts.join(" ")],
  ]);
}

/** What the coordinator made of an operator's word. */
export function renderAdmin({ name, admin, attemptCount, drainDeadline }: Node, nowMs: number): string {
  const count =
    attemptCount === 0 ? "nothing runs" : `${attemptCount} ${attemptCount === 1 ? "attempt goes" : "attempts go"} on`;
  const until = drainDeadline === null ? "" : `, and what is left is stopped ${formatIn(drainDeadline, nowMs)}`;
  const text = {
    schedulable: "takes new work",
    cordoned: `is cordoned: nothing new is given to it, ${count} there`,
    draining: `is draining: nothing new is given to it, ${count} there${until}`,
    drained: "is drained: nothing is left there",
  }[admin];
  return `${printable(`node ${name} ${text}`)}\n`;
}

/** By whose word, and why, it is not as any other node. */
function whyOf({ admin, adminSince, adminActor, adminReason, drainDeadline }: Node, nowMs: number): string | null {
  if (admin === "schedulable" || adminSince === null) return null;
  const reason = adminReason === null ? "" : `: ${adminReason}`;
  const until = drainDeadline === null ? "" : `; what is left is stopped ${formatIn(drainDeadline, nowMs)}`;
  return `${admin} ${formatAgo(adminSince, nowMs)} by ${adminActor}${reason}${until}`;
}

function describeGpu({ model, memoryBytes, driverVersion, id }: Node["hardware"]["gpus"][number]): string {
  const memory = memoryBytes === null ? "" : `, ${formatBytes(memoryBytes)}`;
  const driver = driverVersion === null ? "" : `, driver ${driverVersion}`;
  return `${model}${memory}${driver}, ${id}`;
}

function stateOf({ link, goneSince, admin }: Node): string {
  const more = [goneSince === null ? null : "declared gone", admin === "schedulable" ? null : admin];
  return [link, ...more].filter((part) => part !== null).join(", ");
}
