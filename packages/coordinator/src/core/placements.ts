import type { NodeId } from "@drover/shared/domain/ids.ts";
import type { RevisionId } from "@drover/shared/domain/model.ts";
import type { PlacementReport, PlacementState } from "@drover/shared/domain/placement.ts";
import { MS_PER_SECOND } from "@drover/shared/units.ts";
import type { Effects } from "./effects.ts";
import type { Fleet, Instant } from "./fleet.ts";
import type { Happening } from "./input.ts";
import type { NodeRecord, PlacementRecord } from "./records.ts";

/** Progress is in memory; written down at most this often, and only where it is this much more of the whole. */
const NOTED_EVERY_MS = 30 * MS_PER_SECOND;
const NOTED_SHARE = 0.05;

/** What is said of one of which nothing is there. */
const ANEW = { bytesDone: 0, problem: null, retryAtMs: null };

export type PlacementKey = `${NodeId}/${RevisionId}`;

export function placementKey(nodeId: NodeId, revisionId: RevisionId): PlacementKey {
  return `${nodeId}/${revisionId}`;
}

/** One that has gone in this very turn is not there. */
export function placementOn(fleet: Fleet, nodeId: NodeId, revisionId: RevisionId): PlacementRecord | null {
  const placement = fleet.placements.get(placementKey(nodeId, revisionId));
  return placement === undefined || placement.state === "gone" ? null : placement;
}

/** What changed since the last report or hello. */
export function placementReports(
  fleet: Fleet,
  { sessionId, nodeId, reports }: Extract<Happening, { type: "placementReports" }>,
  effects: Effects,
  now: Instant,
): void {
  const node = fleet.nodes.get(nodeId);
  if (!node || fleet.sessionIdOf(nodeId) !== sessionId) return;
  for (const report of reports) observePlacement(fleet, node, report, effects, now);
}

/**
 * All that a node has of models, said in its hello. What it no longer has, because somebody wiped the disk, is to be
 * brought again; what it has and nobody wanted is known from now on.
 */
export function reconcilePlacements(
  fleet: Fleet,
  node: NodeRecord,
  reports: readonly PlacementReport[],
  effects: Effects,
  now: Instant,
): void {
  const reported = new Map(reports.map((report) => [report.revisionId, report]));
  for (const placement of fleet.modelUse.placementsOn(node.id)) {
    if (reported.has(placement.revisionId)) continue;
    const state = placement.state === "evicting" ? "gone" : "wanted";
    movePlacement(fleet, node, placement, { ...ANEW, state }, effects, now);
  }
  for (const report of reports) observePlacement(fleet, node, report, effects, now);
  fleet.modelUse.saidTo(node.id, null);
}

function observePlacement(
  fleet: Fleet,
  node: NodeRecord,
  report: PlacementReport,
  effects: Effects,
  now: Instant,
): void {
  const { revisionId, state, bytesDone, bytesPerSecond, problem, retryAtMs } = report;
  const revision = fleet.revisions.get(revisionId);
  if (!revision) return;
  fleet.modelUse.noteProgress(node.id, revisionId, { bytesDone, bytesPerSecond });
  const known = placementOn(fleet, node.id, revisionId);
  if (known === null) {
    if (state !== "ready") return;
    const found = newPlacement(node.id, revisionId, { isPinned: false, actor: null }, now);
    return movePlacement(fleet, node, found, { state, bytesDone, problem, retryAtMs }, effects, now);
  }
  // It has not heard yet that it is to go.
  if (known.state === "evicting" && state !== "gone") return;
  // It has not heard yet that it is to be there: this is the end of what it was told, or did for want of room, before.
  if (state === "gone" && !mayLeave(fleet, known))
    return movePlacement(fleet, node, known, { ...ANEW, state: "wanted" }, effects, now);
  const hasMoved = known.state !== state || known.problem?.code !== problem?.code || known.retryAtMs !== retryAtMs;
  if (hasMoved) return movePlacement(fleet, node, known, { state, bytesDone, problem, retryAtMs }, effects, now);
  const isMuch = Math.abs(bytesDone - known.bytesDone) >= NOTED_SHARE * revision.sizeBytes;
  if (isMuch && now.wallMs - known.notedAtMs >= NOTED_EVERY_MS)
    fleet.placements.put(placementKey(node.id, revisionId), { ...known, bytesDone, notedAtMs: now.wallMs });
}

/** It was told to go, or nobody would miss it. */
function mayLeave(fleet: Fleet, { nodeId, revisionId, state, isPinned }: PlacementRecord): boolean {
  if (state === "evicting") return true;
  return state === "ready" && !isPinned && !fleet.modelUse.isUsedOn(nodeId, revisionId);
}

export function newPlacement(
  nodeId: NodeId,
  revisionId: RevisionId,
  { isPinned, actor }: Pick<PlacementRecord, "isPinned" | "actor">,
  now: Instant,
): PlacementRecord {
  return {
    nodeId,
    revisionId,
    state: "wanted",
    isPinned,
    actor,
    sinceMs: now.wallMs,
    notedAtMs: now.wallMs,
    bytesDone: 0,
    problem: null,
    retryAtMs: null,
  };
}

/** Puts it into its table and tells of the change. */
export function movePlacement(
  fleet: Fleet,
  node: NodeRecord,
  placement: PlacementRecord,
  change: Partial<PlacementRecord> & { state: PlacementState },
  effects: Effects,
  now: Instant,
): void {
  const key = placementKey(placement.nodeId, placement.revisionId);
  const isNew = placementOn(fleet, placement.nodeId, placement.revisionId) === null;
  const isOther = isNew || change.state !== placement.state;
  const sinceMs = isOther ? now.wallMs : placement.sinceMs;
  fleet.placements.put(key, { ...placement, ...change, sinceMs, notedAtMs: now.wallMs });
  const problem = change.problem ?? null;
  if (!isOther && problem === null) return;
  const told = { nodeId: node.id, nodeName: node.name, revisionId: placement.revisionId };
  const models = fleet.modelUse.namesOf(placement.revisionId);
  if (change.state === "failed" && problem) {
    const retryAt = change.retryAtMs ? new Date(change.retryAtMs).toISOString() : null;
    effects.tell({ event: "placement.failed", ...told, models, code: problem.code, reason: problem.message, retryAt });
  } else if (change.state !== "failed") effects.tell({ event: `placement.${change.state}`, ...told, models });
}
