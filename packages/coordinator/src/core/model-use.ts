import type { JobId, NodeId } from "@drover/shared/domain/ids.ts";
import type { RevisionId } from "@drover/shared/domain/model.ts";
import type { ResourceRequest } from "@drover/shared/domain/resources.ts";
import { revisionIdsOf } from "./scheduler/demand.ts";
import { placementKey, type PlacementKey } from "./placements.ts";
import type { AttemptRecord, ModelRecord, PlacementRecord } from "./records.ts";

/** What a node said last of a pull; neither stored nor part of a turn. */
export interface PlacementProgress {
  bytesDone: number;
  bytesPerSecond: number;
}

const NOTHING: PlacementProgress = { bytesDone: 0, bytesPerSecond: 0 };

/** What follows from models, placements and attempts: which node has what, and what of it is used. */
export class ModelUse {
  readonly #byNode = new Map<NodeId, Map<RevisionId, PlacementRecord>>();
  readonly #namesByRevision = new Map<RevisionId, Set<string>>();
  /** How many live attempts on a node use a revision. */
  readonly #uses = new Map<PlacementKey, number>();
  readonly #rates = new Map<NodeId, number>();
  readonly #progress = new Map<PlacementKey, PlacementProgress>();
  /** What each node was last told, as text; `null`: it is to be told again. */
  readonly #said = new Map<NodeId, string | null>();
  /** Nodes for which something may have changed. */
  readonly #touched = new Set<NodeId>();

  onPlacementChange(before: PlacementRecord | undefined, after: PlacementRecord | undefined): void {
    const placement = after ?? before;
    if (!placement) return;
    const { nodeId, revisionId } = placement;
    const held = this.#byNode.get(nodeId) ?? new Map<RevisionId, PlacementRecord>();
    this.#byNode.set(nodeId, held);
    if (after && after.state !== "gone") held.set(revisionId, after);
    else held.delete(revisionId);
    this.#touched.add(nodeId);
  }

  onModelChange(before: ModelRecord | undefined, after: ModelRecord | undefined): void {
    if (before && !before.isRemoved) this.#namesByRevision.get(before.revisionId)?.delete(before.name);
    if (!after || after.isRemoved) return;
    const names = this.#namesByRevision.get(after.revisionId);
    if (names) names.add(after.name);
    else this.#namesByRevision.set(after.revisionId, new Set([after.name]));
  }

  onAttemptChange(
    before: AttemptRecord | undefined,
    after: AttemptRecord | undefined,
    requestOf: (jobId: JobId) => ResourceRequest | undefined,
  ): void {
    const attempt = after ?? before;
    const lived = before !== undefined && before.state !== "ended";
    const lives = after !== undefined && after.state !== "ended";
    if (!attempt || lived === lives) return;
    const request = requestOf(attempt.jobId);
    for (const revisionId of request ? revisionIdsOf(request) : []) {
      const key = placementKey(attempt.nodeId, revisionId);
      this.#uses.set(key, (this.#uses.get(key) ?? 0) + (lives ? 1 : -1));
      this.#touched.add(attempt.nodeId);
    }
  }

  placementsOn(nodeId: NodeId): PlacementRecord[] {
    return [...(this.#byNode.get(nodeId)?.values() ?? [])];
  }

  isUsedOn(nodeId: NodeId, revisionId: RevisionId): boolean {
    return (this.#uses.get(placementKey(nodeId, revisionId)) ?? 0) > 0;
  }

  /** In the order of the alphabet. */
  namesOf(revisionId: RevisionId): string[] {
    return [...(this.#namesByRevision.get(revisionId) ?? [])].toSorted();
  }

  noteProgress(nodeId: NodeId, revisionId: RevisionId, progress: PlacementProgress): void {
    this.#progress.set(placementKey(nodeId, revisionId), progress);
    if (progress.bytesPerSecond > 0) this.#rates.set(nodeId, progress.bytesPerSecond);
  }

  progressOf(nodeId: NodeId, revisionId: RevisionId): PlacementProgress {
    return this.#progress.get(placementKey(nodeId, revisionId)) ?? NOTHING;
  }

  /** How much a node brings in a second, by the last of its pulls; `null` where none was seen. */
  rateOf(nodeId: NodeId): number | null {
    return this.#rates.get(nodeId) ?? null;
  }

  /** The nodes for which something may have changed since this was last asked. */
  takeTouched(): NodeId[] {
    const touched = [...this.#touched];
    this.#touched.clear();
    return touched;
  }

  /** Whether the node was told just this. */
  wasSaid(nodeId: NodeId, text: string): boolean {
    return this.#said.get(nodeId) === text;
  }

  saidTo(nodeId: NodeId, text: string | null): void {
    this.#said.set(nodeId, text);
    if (text === null) this.#touched.add(nodeId);
  }

  /** A turn was taken back: what was worked out for nodes in it was not sent. */
  forgetSaid(): void {
    for (const nodeId of this.#byNode.keys()) this.saidTo(nodeId, null);
  }
}
