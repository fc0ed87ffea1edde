import { invariant } from "@drover/shared/assert.ts";
import type { Model, ModelRevision } from "@drover/shared/api/models.ts";
import type { Fleet } from "../core/fleet.ts";
import type { ModelRecord, RevisionRecord } from "../core/records.ts";
import { timestamp } from "./views.ts";

export function modelView(model: ModelRecord, fleet: Fleet): Model {
  const revision = fleet.revisions.get(model.revisionId);
  invariant(revision, `the revision of ${model.name} is there`);
  return {
    name: model.name,
    reference: model.reference,
    include: [...model.include],
    exclude: [...model.exclude],
    revision: revisionView(revision),
    addedAt: timestamp(model.addedAtMs),
    addedBy: model.addedBy,
  };
}

function revisionView({ id, source, fileCount, sizeBytes, resolvedAtMs }: RevisionRecord): ModelRevision {
  return { id, source, fileCount, sizeBytes, resolvedAt: timestamp(resolvedAtMs) };
}
