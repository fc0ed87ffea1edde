import { PinnedSource, type ModelFile, type RevisionId } from "@drover/shared/domain/model.ts";
import type { NodeId } from "@drover/shared/domain/ids.ts";
import { PlacementProblem, type PlacementState } from "@drover/shared/domain/placement.ts";
import type { ModelRecord, PlacementRecord, RevisionRecord } from "../core/records.ts";

export interface ModelRow {
  name: string;
  reference: string;
  include: string;
  exclude: string;
  revision_id: string;
  added_at_ms: number;
  added_by: string;
  removed: number;
}

export interface RevisionRow {
  id: string;
  source: string;
  file_count: number;
  size_bytes: number;
  resolved_at_ms: number;
}

export interface ModelFileRow {
  path: string;
  size_bytes: number;
  hash: string;
}

export function modelRow(model: ModelRecord): ModelRow {
  return {
    name: model.name,
    reference: model.reference,
    include: JSON.stringify(model.include),
    exclude: JSON.stringify(model.exclude),
    revision_id: model.revisionId,
    added_at_ms: model.addedAtMs,
    added_by: model.addedBy,
    removed: Number(model.isRemoved),
  };
}

export function modelRecord(row: ModelRow): ModelRecord {
  return {
    name: row.name,
    reference: row.reference,
    include: JSON.parse(row.include) as string[],
    exclude: JSON.parse(row.exclude) as string[],
    revisionId: row.revision_id as RevisionId,
    addedAtMs: row.added_at_ms,
    addedBy: row.added_by,
    isRemoved: row.removed === 1,
  };
}

export function revisionRow(revision: RevisionRecord): RevisionRow {
  return {
    id: revision.id,
    source: JSON.stringify(revision.source),
    file_count: revision.fileCount,
    size_bytes: revision.sizeBytes,
    resolved_at_ms: revision.resolvedAtMs,
  };
}

export function revisionRecord(row: RevisionRow): RevisionRecord {
  return {
    id: row.id as RevisionId,
    source: PinnedSource.parse(JSON.parse(row.source)),
    fileCount: row.file_count,
    sizeBytes: row.size_bytes,
    resolvedAtMs: row.resolved_at_ms,
  };
}

export interface PlacementRow {
  node_id: string;
  revision_id: string;
  state: string;
  pinned: number;
  actor: string | null;
  since_ms: number;
  noted_at_ms: number;
  bytes_done: number;
  problem: string | null;
  retry_at_ms: number | null;
}

export function placementRow(placement: PlacementRecord): PlacementRow {
  return {
    node_id: placement.nodeId,
    revision_id: placement.revisionId,
    state: placement.state,
    pinned: Number(placement.isPinned),
    actor: placement.actor,
    since_ms: placement.sinceMs,
    noted_at_ms: placement.notedAtMs,
    bytes_done: placement.bytesDone,
    problem: placement.problem && JSON.stringify(placement.problem),
    retry_at_ms: placement.retryAtMs,
  };
}

export function placementRecord(row: PlacementRow): PlacementRecord {
  return {
    nodeId: row.node_id as NodeId,
    revisionId: row.revision_id as RevisionId,
    state: row.state as PlacementState,
    isPinned: row.pinned === 1,
    actor: row.actor,
    sinceMs: row.since_ms,
    notedAtMs: row.noted_at_ms,
    bytesDone: row.bytes_done,
    problem: row.problem === null ? null : PlacementProblem.parse(JSON.parse(row.problem)),
    retryAtMs: row.retry_at_ms,
  };
}

export function modelFile({ path, size_bytes, hash }: ModelFileRow): ModelFile {
  return { path, sizeBytes: size_bytes, hash };
}
