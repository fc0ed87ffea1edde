import type { NodeId } from "@drover/shared/domain/ids.ts";
import { HEALTHY, type GpuHealth, type HealthReason, type NodeHealth } from "@drover/shared/domain/health.ts";
import type { Hardware } from "@drover/shared/domain/node.ts";
import type { ResourceCapacity } from "@drover/shared/domain/resources.ts";
import type { NodeChanges } from "@drover/shared/protocol/messages.ts";
import type { Effects } from "./effects.ts";
import { expectationOf, grownBy, missingGpus, withMissing, type ExpectedHardware } from "./expected-hardware.ts";
import type { Fleet, Instant } from "./fleet.ts";
import { stopWhatLostGpus } from "./stop-what-lost-gpus.ts";
import type { Happening, NodeCommand, NodeCommandResult } from "./input.ts";
import type { NodeRecord, ReleasedGpu } from "./records.ts";
import { stillReleased, withoutReleased } from "./released-gpus.ts";

/** What of a node's record is about the machine itself. */
export interface NodeCondition {
  readonly hardware: Hardware;
  readonly capacity: ResourceCapacity;
  readonly health: NodeHealth;
  readonly expected: ExpectedHardware;
  readonly releasedGpus: readonly ReleasedGpu[];
}

/** A node says, while it is connected, that its hardware or its health is another. */
export function nodeChanges(
  fleet: Fleet,
  { sessionId, nodeId, changes }: Extract<Happening, { type: "nodeChanges" }>,
  effects: Effects,
  now: Instant,
): void {
  const node = fleet.nodes.get(nodeId);
  if (!node || fleet.sessionIdOf(nodeId) !== sessionId) return;
  const condition = conditionFrom(node, changes, now);
  tellOfCondition(node, condition, { id: nodeId, name: node.name }, effects);
  const changed = { ...node, ...condition };
  fleet.nodes.put(nodeId, changed);
  stopWhatLostGpus(fleet, changed, effects);
}

/** An operator says that what the node shows now is all that it has. */
export function acceptHardware(
  fleet: Fleet,
  { nodeId, actor }: Extract<NodeCommand, { type: "acceptHardware" }>,
  effects: Effects,
): NodeCommandResult {
  const node = fleet.nodes.get(nodeId);
  if (!node) return { ok: false, code: "node.notFound", message: `There is no node ${nodeId}.` };
  const expected = expectationOf(node.hardware);
  // With nothing missing: no reason that begins now can be left.
  const health = withMissing(node.health, expected, node.hardware, node.health, 0);
  effects.tell({
    event: "node.hardwareAccepted",
    nodeId,
    nodeName: node.name,
    actor,
    gpuCount: expected.gpus.length,
    missingGpuIds: missingGpus(node.expected, node.hardware.gpus).map(({ id }) => id),
  });
  tellOfHealth(node.health, health, { id: nodeId, name: node.name }, effects);
  fleet.nodes.put(nodeId, { ...node, health, expected });
  return { ok: true };
}

/** What a node says, together with what is known of it. */
export function conditionFrom(known: NodeRecord | undefined, said: NodeChanges, now: Instant): NodeCondition {
  const { hardware, capacity } = said;
  const expected = known ? grownBy(known.expected, hardware) : expectationOf(hardware);
  const releasedGpus = stillReleased(said.health, known?.releasedGpus ?? []);
  const decided = withoutReleased(said.health, releasedGpus);
  const health = withMissing(decided, expected, hardware, known?.health ?? null, now.wallMs);
  return { hardware, capacity, health, expected, releasedGpus };
}

interface Named {
  id: NodeId;
  name: string;
}

/** One event for each change of state, and none for what stays as it was. */
export function tellOfCondition(
  before: NodeCondition | undefined,
  after: NodeCondition,
  node: Named,
  effects: Effects,
): void {
  const named = { nodeId: node.id, nodeName: node.name };
  const { cpuMilli, memoryBytes, gpuIds } = after.capacity;
  if (before && !isSameCapacity(before.capacity, after.capacity))
    effects.tell({ event: "node.hardwareChanged", ...named, cpuMilli, memoryBytes, gpuCount: gpuIds.length });
  const missingBefore = before ? missingGpus(before.expected, before.hardware.gpus) : [];
  const missingAfter = missingGpus(after.expected, after.hardware.gpus);
  for (const { id, model } of missingAfter)
    if (!missingBefore.some((gpu) => gpu.id === id)) effects.tell({ event: "gpu.missing", ...named, gpuId: id, model });
  for (const { id, model } of missingBefore)
    if (!missingAfter.some((gpu) => gpu.id === id)) effects.tell({ event: "gpu.found", ...named, gpuId: id, model });
  tellOfHealth(before?.health ?? HEALTHY, after.health, node, effects);
}

export function tellOfHealth(before: NodeHealth, after: NodeHealth, { id, name }: Named, effects: Effects): void {
  const named = { nodeId: id, nodeName: name };
  if (isChanged(before.reasons, after.reasons))
    effects.tell({ event: "node.healthChanged", ...named, ...told(after.state, after.reasons) });
  const gpuIds = new Set([...before.gpus, ...after.gpus].map(({ gpuId }) => gpuId));
  for (const gpuId of gpuIds) {
    const was = healthOf(before, gpuId);
    const is = healthOf(after, gpuId);
    if (isChanged(was.reasons, is.reasons))
      effects.tell({ event: "gpu.healthChanged", ...named, gpuId, ...told(is.state, is.reasons) });
  }
}

function healthOf(health: NodeHealth, gpuId: string): GpuHealth {
  return health.gpus.find((gpu) => gpu.gpuId === gpuId) ?? { gpuId, state: "healthy", reasons: [] };
}

function isChanged(before: readonly HealthReason[], after: readonly HealthReason[]): boolean {
  const codes = (reasons: readonly HealthReason[]) => reasons.map(({ code, sinceMs }) => `${code} ${sinceMs}`).join();
  return codes(before) !== codes(after);
}

function told(health: NodeHealth["state"], reasons: readonly HealthReason[]) {
  const evidence = reasons.map((reason) => reason.evidence).join("; ");
  return { health, codes: reasons.map(({ code }) => code), evidence };
}

function isSameCapacity(a: ResourceCapacity, b: ResourceCapacity): boolean {
  return a.cpuMilli === b.cpuMilli && a.memoryBytes === b.memoryBytes && a.gpuIds.join() === b.gpuIds.join();
}
