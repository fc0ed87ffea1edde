import type { Model, ModelDetail, Placement } from "@drover/shared/api/models.ts";
import { formatSource } from "@drover/shared/domain/model.ts";
import { formatBytes } from "@drover/shared/units.ts";
import { renderFields } from "./fields.ts";
import type { View } from "./job.ts";
import { renderTable, type Column } from "./table.ts";
import { formatAgo, formatIn } from "./time.ts";

/** Of one that has thousands of files nobody reads all at a terminal. */
const MAX_FILES_SHOWN = 40;

export function renderModels(models: readonly Model[], { nowMs, width }: View): string {
  const columns: Column<Model>[] = [
    { title: "MODEL", cell: ({ name }) => name, shrinkTo: 8 },
    { title: "SIZE", cell: ({ revision }) => formatBytes(revision.sizeBytes), alignRight: true },
    { title: "FILES", cell: ({ revision }) => String(revision.fileCount), alignRight: true },
    { title: "ADDED", cell: ({ addedAt }) => formatAgo(addedAt, nowMs), alignRight: true },
    { title: "WHERE", cell: ({ placements }) => placements.map(whereAndHow).join(", ") || "-", shrinkTo: 12 },
    { title: "SOURCE", cell: ({ revision }) => formatSource(revision.source), shrinkTo: 16 },
  ];
  return renderTable(columns, models, width);
}

/** `gpu-01 ready`, `gpu-02 63 %`, `gpu-03 failed (diskFull)`. */
function whereAndHow(placement: Placement): string {
  return `${placement.nodeName} ${howFar(placement)}`;
}

function howFar({ state, bytesDone, sizeBytes, problem }: Placement): string {
  if (state === "pulling") return `${sizeBytes === 0 ? 0 : Math.floor((100 * bytesDone) / sizeBytes)} %`;
  return problem === null ? state : `${state} (${problem.code})`;
}

export function renderPlacements(placements: readonly Placement[], { nowMs, width }: View): string {
  if (placements.length === 0) return "it is on no machine\n";
  const columns: Column<Placement>[] = [
    { title: "NODE", cell: ({ nodeName }) => nodeName, shrinkTo: 8 },
    { title: "STATE", cell: howFar },
    { title: "SINCE", cell: ({ since }) => formatAgo(since, nowMs), alignRight: true },
    { title: "PINNED", cell: ({ isPinned }) => (isPinned ? "yes" : "-") },
    { title: "IN USE", cell: ({ isInUse }) => (isInUse ? "yes" : "-") },
    {
      title: "RATE",
      cell: ({ bytesPerSecond }) => (bytesPerSecond === 0 ? "-" : `${formatBytes(bytesPerSecond)}/s`),
      alignRight: true,
    },
    { title: "WHY", cell: (placement) => whyFailed(placement, nowMs), shrinkTo: 20 },
  ];
  return renderTable(columns, placements, width);
}

function whyFailed({ problem, retryAt }: Placement, nowMs: number): string {
  if (problem === null) return "-";
  const again = retryAt === null ? "" : `; again ${formatIn(retryAt, nowMs)}`;
  return `${problem.message}; ${problem.advice}${again}`;
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
  const where = renderPlacements(model.placements, view);
  return `${fields}\n${where}\n${renderTable(columns, shown, view.width)}${rest}`;
}
