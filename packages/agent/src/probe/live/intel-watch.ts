import type { Clock } from "@drover/shared/clock.ts";
import type { GpuDevice } from "@drover/shared/domain/gpu.ts";
import type { GpuLoad } from "@drover/shared/domain/gpu-load.ts";
import { parseXpuDump, XPU_DUMP_METRICS, type XpuSample } from "../parse/xpu-dump.ts";
import type { GpuUse } from "./gpu-use.ts";
import { startLoopChild } from "./loop-child.ts";

const SAMPLE_INTERVAL_MS = 5_000;
const SILENCE_MS = SAMPLE_INTERVAL_MS * 4;
/** What was not said again in this time is no longer so. */
const FORGET_AFTER_MS = SAMPLE_INTERVAL_MS * 5;

export interface IntelWatchOptions {
  program: string;
  gpus: readonly GpuDevice[];
  environment: Readonly<Record<string, string>>;
  clock: Clock;
  onEnded(reason: string): void;
}

export interface IntelWatch {
  loads(): GpuLoad[];
  uses(): GpuUse[];
  stop(): void;
}

/** One long-lived `xpu-smi dump` for all of them. It knows of no processes, and of MIG and throttling nothing either. */
export function watchIntel({ program, gpus, environment, clock, onEnded }: IntelWatchOptions): IntelWatch {
  const seen = new Map<number, { sample: XpuSample; atMs: number }>();
  const metrics = XPU_DUMP_METRICS.map(([id]) => id).join(",");
  const child = startLoopChild({
    program,
    environment,
    clock,
    words: () => ["dump", "-d", "-1", "-m", metrics, "-i", String(SAMPLE_INTERVAL_MS / 1000)],
    silenceMs: SILENCE_MS,
    onLine(line) {
      for (const sample of parseXpuDump(line)) seen.set(sample.index, { sample, atMs: clock.monotonicMs() });
    },
    onEnded: (reason) => onEnded(`xpu-smi: ${reason}`),
  });
  const current = ({ index }: GpuDevice) => {
    const known = seen.get(index);
    return known !== undefined && clock.monotonicMs() - known.atMs <= FORGET_AFTER_MS ? known : null;
  };
  const nothing = { throttleReasons: [], migInstances: [], processes: [] };
  return {
    loads: () =>
      gpus.map((gpu) => {
        const { index: _index, ...sample } = current(gpu)?.sample ?? UNKNOWN;
        return { id: gpu.id, ...sample, ...nothing };
      }),
    uses: () =>
      gpus.map((gpu) => {
        const known = current(gpu);
        const memoryUsedBytes = known?.sample.memoryUsedBytes ?? null;
        return { id: gpu.id, memoryUsedBytes, saidAtMs: known?.atMs ?? null, processes: [] };
      }),
    stop: () => child.stop(),
  };
}

const UNKNOWN: XpuSample = {
  index: 0,
  utilizationPercent: null,
  powerWatts: null,
  smClockMhz: null,
  temperatureCelsius: null,
  memoryUsedBytes: null,
};
