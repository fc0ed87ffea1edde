import { decimalOf, wholeNumberOf } from "./cell.ts";
import { MAX_CELSIUS, MAX_GPU_MEMORY_BYTES, MAX_INDEX, MAX_MEGAHERTZ, MAX_PERCENT, MAX_WATTS } from "./limits.ts";

/** `xpu-smi dump -m` takes numbers (intel/xpumanager doc/smi_user_guide.md) and puts their columns in this order. */
export const XPU_DUMP_METRICS = [
  [0, "GPU Utilization (%)"],
  [1, "GPU Power (W)"],
  [2, "GPU Frequency (MHz)"],
  [3, "GPU Core Temperature (C)"],
  [18, "GPU Memory Used (MiB)"],
] as const;

const MIB = 1024 ** 2;
const HEADING = ["Timestamp", "DeviceId", ...XPU_DUMP_METRICS.map(([, title]) => title)];

export interface XpuSample {
  index: number;
  utilizationPercent: number | null;
  powerWatts: number | null;
  smClockMhz: number | null;
  temperatureCelsius: number | null;
  memoryUsedBytes: number | null;
}

/** Reads `xpu-smi dump`, all of it or a line; without a heading the columns are those of XPU_DUMP_METRICS. */
export function parseXpuDump(text: string): XpuSample[] {
  const samples: XpuSample[] = [];
  let columns = HEADING;
  for (const line of text.split("\n")) {
    const cells = line.split(",").map((cell) => cell.trim());
    if (cells[0] === "Timestamp") {
      columns = cells;
      continue;
    }
    const cell = (title: string) => {
      const at = columns.findIndex((column) => column.startsWith(title));
      return at === -1 ? null : (cells[at] ?? null);
    };
    const index = wholeNumberOf(cell("DeviceId"), MAX_INDEX);
    if (index === null || samples.length >= 4096) continue;
    const memoryMib = decimalOf(cell("GPU Memory Used"), MAX_GPU_MEMORY_BYTES / MIB);
    samples.push({
      index,
      utilizationPercent: wholeNumberOf(cell("GPU Utilization"), MAX_PERCENT),
      powerWatts: decimalOf(cell("GPU Power"), MAX_WATTS),
      smClockMhz: wholeNumberOf(cell("GPU Frequency"), MAX_MEGAHERTZ),
      temperatureCelsius: wholeNumberOf(cell("GPU Core Temperature"), MAX_CELSIUS),
      memoryUsedBytes: memoryMib === null ? null : Math.round(memoryMib * MIB),
    });
  }
  return samples;
}
