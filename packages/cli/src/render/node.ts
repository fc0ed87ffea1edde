import type { Node, NodeDetail } from "@drover/shared/api/nodes.ts";
import { formatMilli } from "@drover/shared/domain/format-resources.ts";
import { formatBytes } from "@drover/shared/units.ts";
import { renderFields } from "./fields.ts";
import { printable } from "./printable.ts";
import type { View } from "./job.ts";
import { hardwareFields } from "./hardware.ts";
import { healthFields, summarizeHealth } from "./health.ts";
import { loadFields, renderGpuLoads } from "./load.ts";
import { renderTable, type Column } from "./table.ts";
import { formatAgo, formatIn } from "./time.ts";
import { renderTopology } from "./topology.ts";

export function renderNodes(nodes: readonly Node[], { width }: View): string {
  const columns: Column<Node>[] = [
    { title: "NODE", cell: (node) => node.name, shrinkTo: 8 },
    { title: "SITE", cell: (node) => node.site ?? "-", shrinkTo: 6 },
    { title: "STATE", cell: stateOf },
    { title: "HEALTH", cell: (node) => summarizeHealth(node.health) },
    {
      title: "CPUS",
      cell: ({ allocated, capacity }) => `${formatMilli(allocated.cpuMilli)}/${formatMilli(capacity.cpuMilli)}`,
      alignRight: true,
    },
    {
      title: "MEMORY",
      cell: ({ allocated, capacity }) => `${formatBytes(allocated.memoryBytes)}/${formatBytes(capacity.memoryBytes)}`,
      alignRight: true,
    },
    {
      title: "GPUS",
      cell: ({ allocated, capacity }) => `${gpusHeld(allocated)}/${capacity.gpuIds.length}`,
      alignRight: true,
    },
    { title: "ATTEMPTS", cell: (node) => String(node.attemptCount), alignRight: true },
    { title: "GPU MODEL", cell: gpuModels, shrinkTo: 10 },
    { title: "CPU MODEL", cell: (node) => node.hardware.cpu.model, shrinkTo: 10 },
    { title: "ID", cell: (node) => node.id },
  ];
  return renderTable(columns, nodes, width);
}

export function renderNode(node: NodeDetail, { nowMs, width }: View): string {
  const { allocated, capacity, hardware, load } = node;
  const fields = renderFields([
    ["node", `${node.name}  ${node.id}`],
    ["site", node.site],
    ["labels", labelsOf(node)],
    ["state", `${stateOf(node)} since ${formatAgo(node.linkSince, nowMs)}`],
    ["why", whyOf(node, nowMs)],
    ["heard", node.lastHeardAt === null ? "not since the coordinator started" : formatAgo(node.lastHeardAt, nowMs)],
    ["joined", node.joinedAt],
    ["agent", node.agentVersion],
    ...healthFields(node, nowMs),
    ...hardwareFields(hardware),
    ["cpus held", `${formatMilli(allocated.cpuMilli)} of ${formatMilli(capacity.cpuMilli)}`],
    ["memory held", `${formatBytes(allocated.memoryBytes)} of ${formatBytes(capacity.memoryBytes)}`],
    ["gpus held", capacity.gpuIds.length === 0 ? null : `${gpusHeld(allocated)} of ${capacity.gpuIds.length}`],
    ...(load === null ? [] : loadFields(load, hardware)),
    ["attempts", node.attempts.length === 0 ? "none" : node.attempts.join(" ")],
  ]);
  const tables = [renderGpuLoads(hardware.gpus, load?.gpus ?? [], width), renderTopology(hardware.gpus, width)];
  return [fields, ...tables.filter((table) => table !== "")].join("\n");
}

/** `rack=3, team=vision`. */
function labelsOf({ labels }: Node): string | null {
  return (
    Object.entries(labels)
      .map(([key, value]) => `${key}=${value}`)
      .join(", ") || null
  );
}

/** `1.25` where one is held as a whole and a quarter of another. */
function gpusHeld({ gpuShares }: Node["allocated"]): string {
  return formatMilli(gpuShares.reduce((sum, { gpuMilli }) => sum + gpuMilli, 0));
}

/** `2x A100-80GB, L40S`. */
function gpuModels({ hardware }: Node): string {
  const counts = new Map<string, number>();
  for (const gpu of hardware.gpus) {
    const model = gpu.modelName ?? gpu.model;
    counts.set(model, (counts.get(model) ?? 0) + 1);
  }
  const models = [...counts].map(([model, count]) => (count === 1 ? model : `${count}x ${model}`));
  return models.join(", ") || "-";
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

function stateOf({ link, goneSince, admin }: Node): string {
  const more = [goneSince === null ? null : "declared gone", admin === "schedulable" ? null : admin];
  return [link, ...more].filter((part) => part !== null).join(", ");
}
