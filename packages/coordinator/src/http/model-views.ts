import { invariant } from "@drover/shared/assert.ts";
import type { Model, ModelRevision, Placement } from "@drover/shared/api/models.ts";
import type { Fleet } from "../core/fleet.ts";
import { PLACEMENT_PROBLEMS } from "@drover/shared/domain/placement.ts";
import type { ModelRecord, NodeRecord, PlacementRecord, RevisionRecord } from "../core/records.ts";
import { timestamp, timestampOrNull } from "./views.ts";

export function modelView(model: ModelRecord, fleet: Fleet): Model {
  const revision = fleet.revisions.get(model.revisionId);
  invariant(revision, `the revision of ${model.name} is there`);
  return {
    name: model.name,
    reference: model.reference,
    include: [...model.include],
    exclude: [...model.exclude],
    revision: revisionView(revision),
    placements: placementViews(fleet, (placement) => placement.revisionId === revision.id),
    addedAt: timestamp(model.addedAtMs),
    addedBy: model.addedBy,
  };
}

/** In the order of the nodes. */
export function placementViews(fleet: Fleet, isMeant: (placement: PlacementRecord) => boolean): Placement[] {
  return [...fleet.nodes.values()].flatMap((node) =>
    fleet.modelUse
      .placementsOn(node.id)
      .filter(isMeant)
      .map((placement) => placementView(node, placement, fleet)),
  );
}

function placementView(node: NodeRecord, placement: PlacementRecord, fleet: Fleet): Placement {
  const { revisionId, state, problem, isPinned, retryAtMs, sinceMs } = placement;
  const sizeBytes = fleet.revisions.get(revisionId)?.sizeBytes ?? 0;
  const progress = fleet.modelUse.progressOf(node.id, revisionId);
  // Of a file that lies there under two names there is one; what is ready is all of it.
  const bytesDone = state === "ready" ? sizeBytes : Math.max(placement.bytesDone, progress.bytesDone);
  return {
    nodeId: node.id,
    nodeName: node.name,
    revisionId,
    models: fleet.modelUse.namesOf(revisionId),
    state,
    since: timestamp(sinceMs),
    isPinned,
    isInUse: fleet.modelUse.isUsedOn(node.id, revisionId),
    bytesDone: Math.min(bytesDone, sizeBytes),
    sizeBytes,
    bytesPerSecond: state === "pulling" ? progress.bytesPerSecond : 0,
    problem: problem && { ...problem, advice: PLACEMENT_PROBLEMS[problem.code].advice },
    retryAt: timestampOrNull(retryAtMs),
  };
}

function revisionView({ id, source, fileCount, sizeBytes, resolvedAtMs }: RevisionRecord): ModelRevision {
  return { id, source, fileCount, sizeBytes, resolvedAt: timestamp(resolvedAtMs) };
}
