import { statfsSync } from "node:fs";
import { loadavg } from "node:os";
import type { Clock } from "@drover/shared/clock.ts";
import type { GpuLoad } from "@drover/shared/domain/gpu-load.ts";
import type { Hardware, NodeLoad } from "@drover/shared/domain/node.ts";
import type { MachineFiles } from "../machine-files.ts";
import { isOnReadOnlyMount } from "../parse/mounts.ts";
import type { XidEvent } from "../parse/kernel-log.ts";
import type { NvidiaGpuRow } from "../parse/nvidia-gpus.ts";
import type { KernelLogSource } from "./kernel-log-source.ts";
import type { GpuUse } from "./gpu-use.ts";
import { readAmdLoads } from "./amd-load.ts";
import { watchIntel } from "./intel-watch.ts";
import { createMachineLoadReader } from "./machine-load.ts";
import { watchNvidia } from "./nvidia-watch.ts";
import { createProcessOwners } from "./process-owners.ts";

export interface LoadWatchOptions {
  hardware: Hardware;
  dataDir: string;
  nvidiaSmi: string;
  xpuSmi: string;
  files: MachineFiles;
  kernelLog: KernelLogSource;
  /** Of the programs that are started for it. */
  environment: Readonly<Record<string, string>>;
  clock: Clock;
  /** Something that is watched went wrong, and is tried again. */
  onTrouble(reason: string): void;
}

/** What health is judged by, beside the load. */
export interface MachineObservation {
  /** `null`: no GPU is watched. */
  nvidia: { rows: NvidiaGpuRow[]; isHanging: boolean; watchedForMs: number } | null;
  /** What the NVIDIA driver wrote to the kernel's log since the last observation. */
  xidEvents: XidEvent[];
  dataDisk: { sizeBytes: number; freeBytes: number; isReadOnly: boolean };
}

export interface LoadWatch {
  /** What is known by now; never waits for anybody. */
  readLoad(): NodeLoad;
  observe(): MachineObservation;
  /** Who has what of the memory of those GPUs that are watched. */
  gpuUses(): GpuUse[];
  stop(): void;
}

/** Watches what the machine does, from its hardware as the probe found it. */
export function watchLoad(options: LoadWatchOptions): LoadWatch {
  const { hardware, dataDir, nvidiaSmi, xpuSmi, files, kernelLog, environment, clock, onTrouble } = options;
  const startedAtMs = clock.monotonicMs();
  const { gpus, cpu } = hardware;
  const readMachineLoad = createMachineLoadReader(files, clock, cpu.threads ?? cpu.cores);
  const ownerOf = createProcessOwners(files);
  const nvidiaGpus = gpus.filter(({ vendor }) => vendor === "nvidia");
  const amdGpus = gpus.filter(({ vendor }) => vendor === "amd");
  const intelGpus = gpus.filter(({ vendor }) => vendor === "intel");
  const nvidia =
    nvidiaGpus.length === 0
      ? null
      : watchNvidia({ program: nvidiaSmi, gpus: nvidiaGpus, environment, clock, ownerOf, onEnded: onTrouble });
  const intel =
    intelGpus.length === 0
      ? null
      : watchIntel({ program: xpuSmi, gpus: intelGpus, environment, clock, onEnded: onTrouble });
  return {
    readLoad() {
      const disk = readSpace(dataDir);
      const loads = new Map(
        [...(nvidia?.loads() ?? []), ...(intel?.loads() ?? []), ...readAmdLoads(files, amdGpus, ownerOf)].map(
          (load) => [load.id, load],
        ),
      );
      return {
        load1: loadavg()[0] ?? 0,
        memoryAvailableBytes: process.availableMemory(),
        dataDiskFreeBytes: disk.freeBytes,
        ...readMachineLoad(),
        gpus: gpus.map(({ id }) => loads.get(id) ?? unknownLoad(id)),
      };
    },
    observe() {
      return {
        nvidia: nvidia && {
          rows: nvidia.rows(),
          isHanging: nvidia.isHanging(),
          watchedForMs: clock.monotonicMs() - startedAtMs,
        },
        xidEvents: kernelLog.read(),
        dataDisk: {
          ...readSpace(dataDir),
          isReadOnly: isOnReadOnlyMount(files.read("/proc/self/mountinfo") ?? "", dataDir),
        },
      };
    },
    gpuUses() {
      const saidAtMs = clock.monotonicMs();
      const amd = readAmdLoads(files, amdGpus, ownerOf).filter(({ memoryUsedBytes }) => memoryUsedBytes !== null);
      return [...(nvidia?.uses() ?? []), ...(intel?.uses() ?? []), ...amd.map((load) => ({ ...load, saidAtMs }))];
    },
    stop() {
      nvidia?.stop();
      intel?.stop();
    },
  };
}

/** Of a disk that cannot even be asked nothing is free. */
function readSpace(path: string): { sizeBytes: number; freeBytes: number } {
  try {
    const { blocks, bavail, bsize } = statfsSync(path);
    return { sizeBytes: blocks * bsize, freeBytes: bavail * bsize };
  } catch {
    return { sizeBytes: 0, freeBytes: 0 };
  }
}

function unknownLoad(id: string): GpuLoad {
  return {
    id,
    utilizationPercent: null,
    memoryUsedBytes: null,
    temperatureCelsius: null,
    powerWatts: null,
    smClockMhz: null,
    throttleReasons: [],
    migInstances: [],
    processes: [],
  };
}
