import type { Clock } from "@drover/shared/clock.ts";
import type { Diagnosis, Finding, ToolCall } from "@drover/shared/domain/diagnosis.ts";
import { bySeverity } from "@drover/shared/domain/diagnosis.ts";
import { findingsOf, plain } from "./health/diagnosis.ts";
import { NodeWatch } from "./health/node-watch.ts";
import type { ForeignGpuUse } from "./health/observe.ts";
import { burn } from "./probe/burn.ts";
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
  /** The operator's program that loads a GPU; `null`: no GPU is to be loaded. */
  burnTest: string | null;
  /** Held by attempts: never loaded. */
  heldGpuIds: readonly string[];
}

/** Looks at the machine as an agent would, beside one or without, and says what is wrong and what to do about it. */
export async function examine(options: DoctorOptions): Promise<Diagnosis> {
  const calls: ToolCall[] = [];
  const { tools, dataDir, foreignGpuUse, clock } = options;
  const kernelLog = openKernelLog();
  const watch = await NodeWatch.start({
    machine: {
      clock,
      probeHardware: () => readFullHardware({ ...options, mayMeasureDisks: false, calls }),
      watchLoad: (hardware, onTrouble) =>
        watchLoad({
          hardware,
          dataDir,
          nvidiaSmi: tools.nvidiaSmi,
          xpuSmi: tools.xpuSmi,
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
  const burned = await burnIdleGpus(options, watch, calls);
  // What the load has done to them is seen too.
  if (burned.length > 0) watch.look();
  const { hardware, health } = watch.state();
  const findings = findingsOf({ hardware, health, load: watch.readLoad(), canReadKernelLog: kernelLog.isReadable });
  watch.stop();
  kernelLog.close();
  return { findings: bySeverity([...findings, ...burned]), calls };
}

/** Those on which nobody works. */
async function burnIdleGpus(
  { burnTest, heldGpuIds, clock }: DoctorOptions,
  watch: NodeWatch,
  calls: ToolCall[],
): Promise<Finding[]> {
  if (burnTest === null) return [];
  const busy = new Set([
    ...heldGpuIds,
    ...watch.readLoad().gpus.flatMap(({ id, processes }) => (processes.length > 0 ? [id] : [])),
  ]);
  const { gpus } = watch.state().hardware;
  const idle = gpus.filter(
    ({ id, migInstances }) => ![id, ...migInstances.map((mig) => mig.id)].some((one) => busy.has(one)),
  );
  const skipped = gpus.filter((gpu) => !idle.includes(gpu));
  return [
    ...(await burn(burnTest, idle, clock, calls)),
    ...skipped.map(({ index }) => plain("note", `gpu ${index} is in use and was not loaded`)),
  ];
}

function haveAllSpoken(watch: NodeWatch): boolean {
  const loads = watch.readLoad().gpus;
  const watched = watch.state().hardware.gpus.filter(({ vendor }) => vendor === "nvidia");
  return watched.every(({ id }) => loads.find((load) => load.id === id)?.memoryUsedBytes !== null);
}
