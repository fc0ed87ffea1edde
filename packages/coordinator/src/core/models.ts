import { formatSource } from "@drover/shared/domain/model.ts";
import type { Effects } from "./effects.ts";
import type { Fleet, Instant } from "./fleet.ts";
import type { ModelCommand, ModelCommandResult } from "./input.ts";
import { placementOn } from "./placements.ts";
import type { ModelRecord, RevisionRecord } from "./records.ts";

/** Keeps what a reference was resolved to. The same word twice is no error: the second changes nothing. */
export function addModel(
  fleet: Fleet,
  { name, reference, include, exclude, resolved, actor }: Extract<ModelCommand, { type: "addModel" }>,
  effects: Effects,
  now: Instant,
): ModelCommandResult {
  const { revisionId, source, files } = resolved;
  const known = modelNamed(fleet, name);
  if (known !== null && (known.reference !== reference || known.revisionId !== revisionId))
    return { ok: false, code: "model.exists", message: `${name} is ${known.reference}.` };
  const revision = fleet.revisions.get(revisionId);
  // The bytes are the same for ever; who is let at them, and by which name they are found, is as it was found last.
  if (revision && JSON.stringify(revision.source) !== JSON.stringify(source))
    changeSource(fleet, { ...revision, source });
  if (known !== null) return { ok: true };
  const sizeBytes = files.reduce((sum, file) => sum + file.sizeBytes, 0);
  if (!revision) {
    const fileCount = files.length;
    fleet.revisions.put(revisionId, { id: revisionId, source, fileCount, sizeBytes, resolvedAtMs: now.wallMs });
    fleet.manifests.put(revisionId, { revisionId, files });
  }
  fleet.models.put(name, {
    name,
    reference,
    include,
    exclude,
    revisionId,
    addedAtMs: now.wallMs,
    addedBy: actor,
    isRemoved: false,
  });
  effects.tell({
    event: "model.added",
    modelName: name,
    reference,
    revisionId,
    source: formatSource(source),
    fileCount: files.length,
    sizeBytes,
    actor,
  });
  return { ok: true };
}

/** Those who bring it are told. */
function changeSource(fleet: Fleet, revision: RevisionRecord): void {
  fleet.revisions.put(revision.id, revision);
  for (const { id } of fleet.nodes.values())
    if (placementOn(fleet, id, revision.id) !== null) fleet.modelUse.saidTo(id, null);
}

export function removeModel(
  fleet: Fleet,
  { name, actor }: Extract<ModelCommand, { type: "removeModel" }>,
  effects: Effects,
): ModelCommandResult {
  const model = modelNamed(fleet, name);
  if (model === null) return { ok: false, code: "model.notFound", message: `There is no model "${name}".` };
  fleet.models.put(name, { ...model, isRemoved: true });
  effects.tell({ event: "model.removed", modelName: name, revisionId: model.revisionId, actor });
  return { ok: true };
}

/** One that was removed in this very turn is not there. */
export function modelNamed(fleet: Fleet, name: string): ModelRecord | null {
  const model = fleet.models.get(name);
  return model === undefined || model.isRemoved ? null : model;
}
