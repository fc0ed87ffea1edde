import type { Attempt } from "@drover/shared/api/jobs.ts";
import { formatBytes } from "@drover/shared/units.ts";
import type { Column } from "./table.ts";

/** What attempts used of what they asked for; a column only where there is something to show. */
export function usageColumns<Row>(rows: readonly Row[], attemptOf: (row: Row) => Attempt | null): Column<Row>[] {
  const column = (title: string, show: (attempt: Attempt) => string | null): Column<Row> => ({
    title,
    cell: (row) => {
      const attempt = attemptOf(row);
      return (attempt && show(attempt)) ?? "-";
    },
    alignRight: true,
  });
  return [
    column("CPUS", cpusOf),
    column("MEMORY", memoryOf),
    column("GPUS BUSY", gpusBusyOf),
    column("GPU MEMORY", gpuMemoryOf),
    column("ENERGY", energyOf),
  ].filter(({ cell }) => rows.some((row) => cell(row) !== "-"));
}

/** On average, while it ran. */
function cpusOf({ usage, startedAt, endedAt, allocation }: Attempt): string | null {
  const tookMs = startedAt === null || endedAt === null ? 0 : Date.parse(endedAt) - Date.parse(startedAt);
  if (usage === null || tookMs <= 0) return null;
  return `${(usage.cpuMs / tookMs).toFixed(2)}/${allocation.cpuMilli / 1000}`;
}

/** At most; where nobody counted them together, of its largest process. */
function memoryOf({ usage, allocation }: Attempt): string | null {
  return usage && `${formatBytes(usage.memoryPeakBytes ?? usage.maxRssBytes)}/${formatBytes(allocation.memoryBytes)}`;
}

function gpusBusyOf({ usage, allocation }: Attempt): string | null {
  const mean = usage?.gpus?.utilizationMeanPercent ?? null;
  return mean === null ? null : `${Math.round(mean)} % of ${allocation.gpuIds.length}`;
}

function gpuMemoryOf({ usage }: Attempt): string | null {
  const { memoryPeakBytes = null, memoryTotalBytes = null } = usage?.gpus ?? {};
  const total = memoryTotalBytes === null ? "" : `/${formatBytes(memoryTotalBytes)}`;
  return memoryPeakBytes === null ? null : `${formatBytes(memoryPeakBytes)}${total}`;
}

function energyOf({ usage }: Attempt): string | null {
  const joules = usage?.gpus?.energyJoules ?? null;
  if (joules === null) return null;
  return joules < 36_000 ? `${joules} J` : `${(joules / 3_600_000).toFixed(2)} kWh`;
}
