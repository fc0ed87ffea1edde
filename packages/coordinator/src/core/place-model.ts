import type { NodeId } from "@drover/shared/domain/ids.ts";
import { selects, type SelectableNode } from "@drover/shared/domain/node-selector.ts";
import { formatBytes } from "@drover/shared/units.ts";
import type { Effects } from "./effects.ts";
import type { Fleet, Instant } from "./fleet.ts";
import type { ModelCommand, ModelCommandResult } from "./input.ts";
import { modelNamed } from "./models.ts";
import { movePlacement, newPlacement, placementKey, placementOn } from "./placements.ts";
import type { NodeRecord, RevisionRecord } from "./records.ts";

/** A node that the model could be on, and how far it is from it. */
interface Candidate {
  node: NodeRecord;
  /** Why it cannot be. */
  obstacle: string | null;
  /** The lower the sooner it is chosen: it has it, it is to have it, it has the most room. */
  rank: number;
  freeBytes: number;
}

/** An operator says where a model is to be. What is there already counts; saying it twice changes nothing. */
export function placeModel(
  fleet: Fleet,
  { name, selector, copies, isPinned, actor }: Extract<ModelCommand, { type: "placeModel" }>,
  effects: Effects,
  now: Instant,
): ModelCommandResult {
  const model = modelNamed(fleet, name);
  const revision = model && fleet.revisions.get(model.revisionId);
  if (!model || !revision) return { ok: false, code: "model.notFound", message: `There is no model "${name}".` };
  const candidates = [...fleet.nodes.values()]
    .filter((node) => selects(selector, selectable(node)))
    .map((node) => candidateFor(fleet, node, revision));
  const able = candidates.filter(({ obstacle }) => obstacle === null);
  if (able.length < copies) {
    const others = candidates.flatMap(({ node, obstacle }) => (obstacle === null ? [] : [`${node.name}: ${obstacle}`]));
    const why =
      candidates.length === 0 ? "no node is of that kind" : `of ${candidates.length} nodes, ${others.join("; ")}`;
    const message = `${name} is to be on ${copies} and can be on ${able.length}: ${why}.`;
    return { ok: false, code: "placement.noRoom", message };
  }
  const chosen = able.toSorted((a, b) => a.rank - b.rank || b.freeBytes - a.freeBytes).slice(0, copies);
  for (const { node } of chosen) {
    const known = placementOn(fleet, node.id, revision.id);
    if (known === null || known.state === "evicting") {
      const placement = newPlacement(node.id, revision.id, { isPinned, actor }, now);
      movePlacement(fleet, node, placement, { state: "wanted" }, effects, now);
    } else if (isPinned && !known.isPinned)
      fleet.placements.put(placementKey(node.id, revision.id), { ...known, isPinned });
  }
  return { ok: true };
}

/** It is to leave these nodes; refused for all of them where one has a use for it. */
export function unplaceModel(
  fleet: Fleet,
  { name, selector }: Extract<ModelCommand, { type: "unplaceModel" }>,
  effects: Effects,
  now: Instant,
): ModelCommandResult {
  const model = modelNamed(fleet, name);
  if (!model) return { ok: false, code: "model.notFound", message: `There is no model "${name}".` };
  const nodes = [...fleet.nodes.values()].filter((node) => selects(selector, selectable(node)));
  const there = nodes.flatMap((node) => {
    const placement = placementOn(fleet, node.id, model.revisionId);
    return placement ? [{ node, placement }] : [];
  });
  if (there.length === 0)
    return { ok: false, code: "placement.notFound", message: `${name} is on no node of that kind.` };
  const busy = there.find(({ node }) => fleet.modelUse.isUsedOn(node.id, model.revisionId));
  if (busy) return { ok: false, code: "placement.inUse", message: `An attempt on ${busy.node.name} uses ${name}.` };
  for (const { node, placement } of there) {
    if (placement.state === "evicting") continue;
    movePlacement(fleet, node, placement, { state: "evicting", isPinned: false, problem: null }, effects, now);
  }
  return { ok: true };
}

function candidateFor(fleet: Fleet, node: NodeRecord, { id, sizeBytes }: RevisionRecord): Candidate {
  const placement = placementOn(fleet, node.id, id);
  const freeBytes = unpromisedBytes(fleet, node.id);
  const has = placement !== null && placement.state !== "evicting";
  const rank = placement?.state === "ready" ? 0 : has ? 1 : 2;
  return {
    node,
    rank,
    freeBytes: freeBytes ?? 0,
    obstacle: has ? null : obstacleOn(fleet, node, sizeBytes, freeBytes),
  };
}

/** What is free on its disk once all has been brought that is to be there; `null` while it does not say. */
function unpromisedBytes(fleet: Fleet, nodeId: NodeId): number | null {
  const freeBytes = fleet.presences.get(nodeId)?.load?.dataDiskFreeBytes ?? null;
  if (freeBytes === null) return null;
  let promisedBytes = 0;
  for (const { revisionId, state } of fleet.modelUse.placementsOn(nodeId)) {
    if (state === "ready" || state === "evicting") continue;
    const sizeBytes = fleet.revisions.get(revisionId)?.sizeBytes ?? 0;
    promisedBytes += Math.max(0, sizeBytes - fleet.modelUse.progressOf(nodeId, revisionId).bytesDone);
  }
  return Math.max(0, freeBytes - promisedBytes);
}

function obstacleOn(fleet: Fleet, node: NodeRecord, sizeBytes: number, freeBytes: number | null): string | null {
  if (node.link === "lost") return "it is lost";
  if (fleet.sessions.get(node.id)?.keepsModels === false) return "its agent keeps no models";
  if (freeBytes !== null && freeBytes < sizeBytes)
    return `it needs ${formatBytes(sizeBytes)} and has ${formatBytes(freeBytes)} free`;
  return null;
}

function selectable({ id, name, site, capacity, hardware }: NodeRecord): SelectableNode {
  const { gpus } = hardware;
  return {
    names: [name, id],
    site,
    memoryBytes: capacity.memoryBytes,
    gpuModels: gpus.flatMap(({ model, modelName }) => (modelName === null ? [model] : [model, modelName])),
    gpuMemoryBytes: Math.max(0, ...gpus.map(({ memoryBytes }) => memoryBytes ?? 0)),
    gpuCount: capacity.gpuIds.length,
  };
}
