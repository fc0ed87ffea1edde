import { statfsSync } from "node:fs";
import { loadavg } from "node:os";
import type { Clock } from "@drover/shared/clock.ts";
import type { GpuLoad } from "@drover/shared/domain/gpu-load.ts";
import type { Hardware, NodeLoad } from "@drover/shared/domain/node.ts";
import type { MachineFiles } from "../machine-files.ts";
import { readAmdLoads } from "./amd-load.ts";
import { createMachineLoadReader } from "./machine-load.ts";
import { watchNvidia } from "./nvidia-watch.ts";
import { createProcessOwners } from "./process-owners.ts";

export interface LoadWatchOptions {
  hardware: Hardware;
  dataDir: string;
  nvidiaSmi: string;
  files: MachineFiles;
  clock: Clock;
  /** Something that is watched went wrong, and is tried again. */
  onTrouble(reason: string): void;
}

export interface LoadWatch {
  /** What is known by now; never waits for anybody. */
  readLoad(): NodeLoad;
  stop(): void;
}

/** Watches what the machine does, from its hardware as the probe found it. */
export function watchLoad({ hardware, dataDir, nvidiaSmi, files, clock, onTrouble }: LoadWatchOptions): LoadWatch {
  const { gpus, cpu } = hardware;
  const readMachineLoad = createMachineLoadReader(files, clock, cpu.threads ?? cpu.cores);
  const ownerOf = createProcessOwners(files);
  const nvidiaGpus = gpus.filter(({ vendor }) => vendor === "nvidia");
  const amdGpus = gpus.filter(({ vendor }) => vendor === "amd");
  const nvidia =
    nvidiaGpus.length === 0
      ? null
      : watchNvidia({ program: nvidiaSmi, gpus: nvidiaGpus, clock, ownerOf, onEnded: onTrouble });
  return {
    readLoad() {
      const disk = statfsSync(dataDir);
      const loads = new Map(
        [...(nvidia?.loads() ?? []), ...readAmdLoads(files, amdGpus)].map((load) => [load.id, load]),
      );
      return {
        load1: loadavg()[0] ?? 0,
        memoryAvailableBytes: process.availableMemory(),
        dataDiskFreeBytes: disk.bavail * disk.bsize,
        ...readMachineLoad(),
        gpus: gpus.map(({ id }) => loads.get(id) ?? unknownLoad(id)),
      };
    },
    stop: () => nvidia?.stop(),
  };
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
