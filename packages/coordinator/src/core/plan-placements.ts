import type { NodeId } from "@drover/shared/domain/ids.ts";
import type { DesiredPlacement } from "@drover/shared/domain/placement.ts";
import type { Effects } from "./effects.ts";
import type { Fleet } from "./fleet.ts";
import type { PlacementRecord } from "./records.ts";

/** Tells each node for which that has changed what should become of all models there. At the end of every turn. */
export function planPlacements(fleet: Fleet, effects: Effects): void {
  for (const nodeId of fleet.modelUse.takeTouched()) {
    const session = fleet.sessions.get(nodeId);
    if (!session || session.sessionId === null || !session.keepsModels) continue;
    const desired = desiredOn(fleet, nodeId);
    const text = JSON.stringify(desired);
    if (fleet.modelUse.wasSaid(nodeId, text)) continue;
    fleet.modelUse.saidTo(nodeId, text);
    effects.desirePlacements(nodeId, desired);
  }
}

function desiredOn(fleet: Fleet, nodeId: NodeId): DesiredPlacement[] {
  const waitedFor = new Set([...fleet.queue.shapes()].flatMap(({ demand }) => demand.revisionIds));
  return fleet.modelUse.placementsOn(nodeId).flatMap((placement) => {
    const revision = fleet.revisions.get(placement.revisionId);
    if (!revision) return [];
    const { source, fileCount, sizeBytes } = revision;
    const endpoint = source.needsToken ? null : fleet.settings.hubEndpoint;
    const desired = waitedFor.has(revision.id) && placement.state !== "evicting" ? "hold" : desireFor(fleet, placement);
    return [{ revisionId: placement.revisionId, desired, source, fileCount, sizeBytes, endpoint }];
  });
}

/** What is there and neither pinned nor used may leave when something else needs the room. */
function desireFor(
  fleet: Fleet,
  { nodeId, revisionId, state, isPinned }: PlacementRecord,
): DesiredPlacement["desired"] {
  if (state === "evicting") return "evict";
  if (isPinned || state !== "ready" || fleet.modelUse.isUsedOn(nodeId, revisionId)) return "hold";
  return "cache";
}
