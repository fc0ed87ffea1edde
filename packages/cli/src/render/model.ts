import type { Model, ModelDetail } from "@drover/shared/api/models.ts";
import { formatSource } from "@drover/shared/domain/model.ts";
import { formatBytes } from "@drover/shared/units.ts";
import { renderFields } from "./fields.ts";
import type { View } from "./job.ts";
import { renderTable, type Column } from "./table.ts";
import { formatAgo } from "./time.ts";

/** Of one that has thousands of files nobody reads all at a terminal. */
const MAX_FILES_SHOWN = 40;

export function renderModels(models: readonly Model[], { nowMs, width }: View): string {
  const columns: Column<Model>[] = [
    { title: "MODEL", cell: ({ name }) => name, shrinkTo: 8 },
    { title: "SIZE", cell: ({ revision }) => formatBytes(revision.sizeBytes), alignRight: true },
    { title: "FILES", cell: ({ revision }) => String(revision.fileCount), alignRight: true },
    { title: "ADDED", cell: ({ addedAt }) => formatAgo(addedAt, nowMs), alignRight: true },
    { title: "SOURCE", cell: ({ revision }) => formatSource(revision.source), shrinkTo: 16 },
  ];
  return renderTable(columns, models, width);
}

/** What it was resolved to, with its manifest. */
export function renderModel(model: ModelDetail, view: View): string {
  const { revision } = model;
  const fields = renderFields([
    ["model", model.name],
    ["reference", model.reference],
    ["commit", revision.source.commit],
    ["size", `${formatBytes(revision.sizeBytes)} in ${revision.fileCount} files`],
    ["only", model.include.join(" ") || null],
    ["without", model.exclude.join(" ") || null],
    ["token", revision.source.needsToken ? "needed for its files" : null],
    ["added", `${formatAgo(model.addedAt, view.nowMs)} by ${model.addedBy}`],
    ["revision", revision.id],
  ]);
  const shown = model.files.slice(0, MAX_FILES_SHOWN);
  const columns: Column<ModelDetail["files"][number]>[] = [
    { title: "FILE", cell: ({ path }) => path, shrinkTo: 20 },
    { title: "SIZE", cell: ({ sizeBytes }) => formatBytes(sizeBytes), alignRight: true },
    { title: "HASH", cell: ({ hash }) => hash, shrinkTo: 20 },
  ];
  const more = revision.fileCount - shown.length;
  const rest = more > 0 ? `and ${more} more; all of them with --json\n` : "";
  return `${fields}\n${renderTable(columns, shown, view.width)}${rest}`;
}
