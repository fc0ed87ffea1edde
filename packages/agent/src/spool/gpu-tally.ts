import { parseLines, wholeNumber } from "./lines.ts";

/** What an attempt's GPUs have done for it so far. Whole numbers, so that adding up loses nothing. */
export interface GpuTally {
  /** For how long they were watched. */
  measuredMs: number;
  /** Percent times milliseconds, over the time for which a tool said how busy they are. */
  busyPercentMs: number;
  busyMeasuredMs: number;
  busyPeakPercent: number;
  /** Of all of them together; `null` as long as nobody has said. */
  memoryPeakBytes: number | null;
  memoryTotalBytes: number | null;
  energyMillijoules: number;
  energyMeasuredMs: number;
}

/** The file `gpu-usage`: lines of `key value`; what is not known is not there. */
export function formatGpuTally(tally: GpuTally): string {
  return Object.entries(tally)
    .flatMap(([key, value]) => (value === null ? [] : [`${key} ${value}\n`]))
    .join("");
}

/** `null` where the text is none, or only a part of one. */
export function parseGpuTally(text: string): GpuTally | null {
  const lines = parseLines(text);
  const [measuredMs, busyPercentMs, busyMeasuredMs, busyPeakPercent, energyMillijoules, energyMeasuredMs] = [
    "measuredMs",
    "busyPercentMs",
    "busyMeasuredMs",
    "busyPeakPercent",
    "energyMillijoules",
    "energyMeasuredMs",
  ].map((key) => wholeNumber(lines.get(key)) ?? undefined);
  if (measuredMs === undefined || busyPercentMs === undefined || busyMeasuredMs === undefined) return null;
  if (busyPeakPercent === undefined || energyMillijoules === undefined || energyMeasuredMs === undefined) return null;
  const memoryPeakBytes = wholeNumber(lines.get("memoryPeakBytes"));
  const memoryTotalBytes = wholeNumber(lines.get("memoryTotalBytes"));
  return {
    measuredMs,
    busyPercentMs,
    busyMeasuredMs,
    busyPeakPercent,
    memoryPeakBytes,
    memoryTotalBytes,
    energyMillijoules,
    energyMeasuredMs,
  };
}
