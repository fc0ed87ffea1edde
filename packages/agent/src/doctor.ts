import type { Clock } from "@drover/shared/clock.ts";
import { renderDiagnosis } from "./health/diagnosis.ts";
import { NodeWatch } from "./health/node-watch.ts";
import type { ForeignGpuUse } from "./health/observe.ts";
import { readFullHardware } from "./probe/full-hardware.ts";
import { openKernelLog } from "./probe/live/kernel-log-source.ts";
import { watchLoad } from "./probe/live/load-watch.ts";
import { createMachineFiles } from "./probe/machine-files.ts";
import type { ToolPaths } from "./probe/tools.ts";

const LOOK_EVERY_MS = 1_000;
/** Watched tools speak at once, and again after five seconds. */
const AT_LEAST_MS = 3_000;
/** As long as a GPU may be silent before that is a finding. */
const AT_MOST_MS = 36_000;

export interface DoctorOptions {
  tools: ToolPaths;
  dataDir: string;
  towards: string | null;
  foreignGpuUse: ForeignGpuUse;
  clock: Clock;
}

/** Looks at the machine as an agent would, beside one or without, and says what is wrong and what to do about it. */
export async function examine(options: DoctorOptions): Promise<{ text: string; isUnhealthy: boolean }> {
  const { tools, dataDir, foreignGpuUse, clock } = options;
  const kernelLog = openKernelLog();
  const watch = await NodeWatch.start({
    machine: {
      clock,
      probeHardware: () => readFullHardware(options),
      watchLoad: (hardware, onTrouble) =>
        watchLoad({
          hardware,
          dataDir,
          nvidiaSmi: tools.nvidiaSmi,
          files: createMachineFiles(),
          kernelLog,
          environment: {},
          clock,
          onTrouble,
        }),
    },
    log: () => {},
    enforcement: null,
    offer: () => ({ cpuMilli: 0, memoryBytes: 0, gpuIds: [] }),
    foreignGpuUse,
    quarantine: { load: () => [], save() {} },
  });
  const startedAtMs = clock.monotonicMs();
  for (;;) {
    await new Promise<void>((resolve) => clock.callAfter(LOOK_EVERY_MS, resolve));
    watch.look();
    const elapsedMs = clock.monotonicMs() - startedAtMs;
    if (elapsedMs >= AT_MOST_MS || (elapsedMs >= AT_LEAST_MS && haveAllSpoken(watch))) break;
  }
  const { hardware, health } = watch.state();
  const text = renderDiagnosis({ hardware, health, load: watch.readLoad(), canReadKernelLog: kernelLog.isReadable });
  watch.stop();
  kernelLog.close();
  const isUnhealthy = health.state === "unhealthy" || health.gpus.some(({ state }) => state === "unhealthy");
  return { text, isUnhealthy };
}

function haveAllSpoken(watch: NodeWatch): boolean {
  const loads = watch.readLoad().gpus;
  const watched = watch.state().hardware.gpus.filter(({ vendor }) => vendor === "nvidia");
  return watched.every(({ id }) => loads.find((load) => load.id === id)?.memoryUsedBytes !== null);
}
