import type { GpuUsage } from "@drover/shared/domain/attempt.ts";
import { gpuOf, type GpuDevice } from "@drover/shared/domain/gpu.ts";
import type { GpuLoad } from "@drover/shared/domain/gpu-load.ts";
import type { GpuTally } from "../spool/gpu-tally.ts";

/** A look that comes later than this says nothing of the time before it: the agent slept, or the tool hung. */
const MAX_GAP_MS = 15_000;

export const NOTHING_TALLIED: GpuTally = {
  measuredMs: 0,
  busyPercentMs: 0,
  busyMeasuredMs: 0,
  busyPeakPercent: 0,
  memoryPeakBytes: null,
  memoryTotalBytes: null,
  energyMillijoules: 0,
  energyMeasuredMs: 0,
};

/** With what these GPUs, or instances of split ones, do now, and have done for so long. */
export function tallyWith(
  tally: GpuTally,
  gpuIds: readonly string[],
  gpus: readonly GpuDevice[],
  loads: readonly GpuLoad[],
  sinceLastMs: number,
): GpuTally {
  const durationMs = Math.min(Math.max(0, Math.round(sinceLastMs)), MAX_GAP_MS);
  const devices = gpuIds.map((id) => ({ id, gpu: gpuOf(gpus, id), load: loadOf(gpus, loads, id) }));
  const busy = known(devices.map(({ load }) => load.utilizationPercent));
  const watts = known(devices.map(({ load }) => load.powerWatts));
  const memory = sumOrNull(devices.map(({ load }) => load.memoryUsedBytes));
  const busyPercent = busy.length === 0 ? null : sum(busy) / busy.length;
  return {
    measuredMs: tally.measuredMs + durationMs,
    busyPercentMs: tally.busyPercentMs + Math.round((busyPercent ?? 0) * durationMs),
    busyMeasuredMs: tally.busyMeasuredMs + (busyPercent === null ? 0 : durationMs),
    busyPeakPercent: Math.max(tally.busyPeakPercent, Math.round(busyPercent ?? 0)),
    memoryPeakBytes: memory === null ? tally.memoryPeakBytes : Math.max(tally.memoryPeakBytes ?? 0, memory),
    memoryTotalBytes: sumOrNull(devices.map(({ id, gpu }) => sizeOf(gpu, id))) ?? tally.memoryTotalBytes,
    energyMillijoules: tally.energyMillijoules + Math.round(sum(watts) * durationMs),
    energyMeasuredMs: tally.energyMeasuredMs + (watts.length === 0 ? 0 : durationMs),
  };
}

/** `null` of what ended before anybody looked. */
export function usageOf(tally: GpuTally): GpuUsage | null {
  const { measuredMs, busyPercentMs, busyMeasuredMs, busyPeakPercent, energyMillijoules, energyMeasuredMs } = tally;
  if (measuredMs === 0) return null;
  return {
    measuredMs,
    utilizationMeanPercent: busyMeasuredMs === 0 ? null : Math.round((busyPercentMs / busyMeasuredMs) * 10) / 10,
    utilizationPeakPercent: busyMeasuredMs === 0 ? null : busyPeakPercent,
    memoryPeakBytes: tally.memoryPeakBytes,
    memoryTotalBytes: tally.memoryTotalBytes,
    energyJoules: energyMeasuredMs === 0 ? null : Math.round(energyMillijoules / 1000),
  };
}

type Used = Pick<GpuLoad, "utilizationPercent" | "powerWatts" | "memoryUsedBytes">;

/** What a whole GPU does is nobody's alone where it is split: of an instance only its memory is said. */
function loadOf(gpus: readonly GpuDevice[], loads: readonly GpuLoad[], id: string): Used {
  const load = loads.find((one) => one.id === gpuOf(gpus, id)?.id);
  if (load?.id === id) return load;
  const memoryUsedBytes = load?.migInstances.find((instance) => instance.id === id)?.memoryUsedBytes ?? null;
  return { utilizationPercent: null, powerWatts: null, memoryUsedBytes };
}

function sizeOf(gpu: GpuDevice | undefined, id: string): number | null {
  const instance = gpu?.migInstances.find((one) => one.id === id);
  return instance === undefined ? (gpu?.memoryBytes ?? null) : instance.memoryBytes;
}

function known(values: readonly (number | null)[]): number[] {
  return values.filter((value) => value !== null);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/** `null` where one is not known: a part would look like all. */
function sumOrNull(values: readonly (number | null)[]): number | null {
  const all = known(values);
  return all.length === values.length && all.length > 0 ? sum(all) : null;
}
