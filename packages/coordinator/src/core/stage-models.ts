import type { NodeId } from "@drover/shared/domain/ids.ts";
import type { RevisionId } from "@drover/shared/domain/model.ts";
import type { Effects } from "./effects.ts";
import type { Fleet, Instant } from "./fleet.ts";
import { movePlacement, newPlacement, placementOn } from "./placements.ts";
import type { NodeRecord } from "./records.ts";
import type { NodeCapacity } from "./scheduler/capacity.ts";
import { Demand } from "./scheduler/demand.ts";
import { fits } from "./scheduler/room.ts";

/** What a node is supposed to bring in a second of which nobody has seen it bring anything. */
const SUPPOSED_BYTES_PER_SECOND = 100_000_000;

/**
 * Has the models brought that waiting tasks lack, each to one node at a time: to the one that would have it first, among
 * those that could run the task. Another follows only where all that have it are busy and some other node is not.
 * Once a second, not in every turn: what a pull takes is more than that.
 */
export function stageModels(fleet: Fleet, effects: Effects, now: Instant): void {
  for (const shape of fleet.queue.shapes()) {
    const { demand } = shape;
    if (demand.revisionIds.length === 0 || shape.waitingCount === 0) continue;
    const bare = new Demand({ ...demand.request, models: [] });
    const able = fleet.capacity.openNodes().nodes.filter((node) => fits(node.all, bare));
    const having = able.filter((node) => demand.revisionIds.every((id) => isComing(fleet, node.nodeId, id)));
    const isUnderWay = having.some((node) => !fits(node.all, demand));
    // Where it has room the pass places it; that it did not is a matter of what comes before.
    if (isUnderWay || having.some((node) => fits(node.free, demand))) continue;
    const others = able.filter((node) => !having.includes(node));
    const candidates = having.length === 0 ? others : others.filter((node) => fits(node.free, bare));
    const best = firstToHave(fleet, candidates, demand.revisionIds);
    if (best) stageOn(fleet, best, demand.revisionIds, effects, now);
  }
}

/** It has it, or is bringing it and has not failed. */
function isComing(fleet: Fleet, nodeId: NodeId, revisionId: RevisionId): boolean {
  const state = placementOn(fleet, nodeId, revisionId)?.state;
  return state !== undefined && state !== "failed" && state !== "evicting";
}

function firstToHave(
  fleet: Fleet,
  candidates: readonly NodeCapacity[],
  revisionIds: readonly RevisionId[],
): NodeRecord | null {
  let best: NodeRecord | null = null;
  let leastSeconds = Number.POSITIVE_INFINITY;
  for (const { nodeId } of candidates) {
    const node = fleet.nodes.get(nodeId);
    if (!node || !fleet.sessions.get(nodeId)?.keepsModels) continue;
    const missing = revisionIds.filter((id) => !fleet.capacity.nodeOf(nodeId)?.models.has(id));
    if (missing.some((id) => placementOn(fleet, nodeId, id)?.state === "failed")) continue;
    const bytes = missing.reduce((sum, id) => sum + (fleet.revisions.get(id)?.sizeBytes ?? 0), 0);
    const freeBytes = fleet.presences.get(nodeId)?.load?.dataDiskFreeBytes;
    if (freeBytes !== undefined && freeBytes < bytes) continue;
    const seconds = bytes / (fleet.modelUse.rateOf(nodeId) ?? SUPPOSED_BYTES_PER_SECOND);
    if (seconds >= leastSeconds) continue;
    leastSeconds = seconds;
    best = node;
  }
  return best;
}

function stageOn(
  fleet: Fleet,
  node: NodeRecord,
  revisionIds: readonly RevisionId[],
  effects: Effects,
  now: Instant,
): void {
  for (const revisionId of revisionIds) {
    if (isComing(fleet, node.id, revisionId)) continue;
    const placement = newPlacement(node.id, revisionId, { isPinned: false, actor: null }, now);
    movePlacement(fleet, node, placement, { state: "wanted" }, effects, now);
  }
}
