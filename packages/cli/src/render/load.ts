import type { GpuDevice } from "@drover/shared/domain/gpu.ts";
import type { GpuLoad, GpuProcess } from "@drover/shared/domain/gpu-load.ts";
import type { Hardware, NodeLoad } from "@drover/shared/domain/node.ts";
import { formatBytes } from "@drover/shared/units.ts";
import { renderTable, type Column } from "./table.ts";

/** What a machine does right now, a line for each kind. */
export function loadFields(load: NodeLoad, { cpu }: Hardware): (readonly [name: string, value: string | null])[] {
  const { pressure, rates, swapUsedBytes, cpuUsedMilli } = load;
  const busy =
    cpuUsedMilli === null ? "" : `, ${(cpuUsedMilli / 1000).toFixed(1)} of ${cpu.threads ?? cpu.cores} CPUs busy`;
  const swap = swapUsedBytes === null || swapUsedBytes === 0 ? "" : `, ${formatBytes(swapUsedBytes)} of swap used`;
  return [
    ["load", `${load.load1.toFixed(2)}${busy}`],
    ["memory free", `${formatBytes(load.memoryAvailableBytes)}${swap}`],
    [
      "pressure",
      pressure && `CPU ${pressure.cpuPercent} %, memory ${pressure.memoryPercent} %, disk ${pressure.ioPercent} %`,
    ],
    [
      "disk I/O",
      rates && `${rateOf(rates.diskReadBytesPerSecond)} read, ${rateOf(rates.diskWriteBytesPerSecond)} written`,
    ],
    [
      "network I/O",
      rates &&
        `${rateOf(rates.networkReceiveBytesPerSecond)} received, ${rateOf(rates.networkSendBytesPerSecond)} sent`,
    ],
  ];
}

function rateOf(bytesPerSecond: number): string {
  return `${formatBytes(bytesPerSecond)}/s`;
}

/** A row for each GPU; empty where there are none, or where nothing is known of any. */
export function renderGpuLoads(gpus: readonly GpuDevice[], loads: readonly GpuLoad[], width: number | null): string {
  const rows = gpus.flatMap((gpu) => {
    const load = loads.find(({ id }) => id === gpu.id);
    return load === undefined ? [] : [{ gpu, load }];
  });
  if (rows.length === 0) return "";
  const columns: Column<(typeof rows)[number]>[] = [
    { title: "GPU", cell: ({ gpu }) => String(gpu.index), alignRight: true },
    { title: "USED", cell: ({ load }) => valueOf(load.utilizationPercent, " %"), alignRight: true },
    {
      title: "MEMORY",
      cell: ({ gpu, load }) => `${sizeOf(load.memoryUsedBytes)}/${sizeOf(gpu.memoryBytes)}`,
      alignRight: true,
    },
    { title: "TEMP", cell: ({ load }) => valueOf(load.temperatureCelsius, " °C"), alignRight: true },
    {
      title: "POWER",
      cell: ({ gpu, load }) => `${wattsOf(load.powerWatts)}/${wattsOf(gpu.powerLimitWatts)}`,
      alignRight: true,
    },
    { title: "CLOCK", cell: ({ load }) => valueOf(load.smClockMhz, " MHz"), alignRight: true },
    { title: "SLOWED BY", cell: ({ load }) => load.throttleReasons.join(" ") || "-" },
    { title: "PROCESSES", cell: ({ load }) => load.processes.map(describeProcess).join("; ") || "-", shrinkTo: 12 },
  ];
  return renderTable(columns, rows, width);
}

function describeProcess({ pid, memoryBytes, command, user, attemptId }: GpuProcess): string {
  const whose = attemptId === null ? `${user ?? "?"}: ${command ?? "?"}` : `attempt ${attemptId}`;
  return `${pid ?? "?"} ${sizeOf(memoryBytes)} ${whose}`;
}

function valueOf(value: number | null, unit: string): string {
  return value === null ? "-" : `${value}${unit}`;
}

function sizeOf(bytes: number | null): string {
  return bytes === null ? "?" : formatBytes(bytes);
}

function wattsOf(watts: number | null): string {
  return watts === null ? "?" : `${Math.round(watts)} W`;
}
