import type { GpuDevice } from "@drover/shared/domain/gpu.ts";
import type { GpuLoad } from "@drover/shared/domain/gpu-load.ts";
import type { MachineFiles } from "../machine-files.ts";
import { readKfdProcesses } from "./kfd-processes.ts";
import type { ProcessOwner } from "./process-owners.ts";
import { decimalOf, wholeNumberOf } from "../parse/cell.ts";
import { MAX_CELSIUS, MAX_GPU_MEMORY_BYTES, MAX_MEGAHERTZ, MAX_PERCENT, MAX_WATTS } from "../parse/limits.ts";

/** The load of AMD's GPUs from the driver's own files: their tool takes half a second of CPU for each answer. */
export function readAmdLoads(
  files: MachineFiles,
  gpus: readonly GpuDevice[],
  ownerOf: (pid: number) => ProcessOwner,
): GpuLoad[] {
  const processes = gpus.length === 0 ? [] : readKfdProcesses(files);
  return gpus.map((gpu) => {
    const folder = `/sys/bus/pci/devices/${gpu.pciAddress}.0`;
    const hwmon = files.list(`${folder}/hwmon`)[0];
    const sensor = (name: string) => files.read(`${folder}/hwmon/${hwmon}/${name}`);
    return {
      id: gpu.id,
      utilizationPercent: wholeNumberOf(files.read(`${folder}/gpu_busy_percent`), MAX_PERCENT),
      memoryUsedBytes: wholeNumberOf(files.read(`${folder}/mem_info_vram_used`), MAX_GPU_MEMORY_BYTES),
      // Thousandths of a degree, millionths of a watt, hertz: Documentation/hwmon/sysfs-interface.
      temperatureCelsius: scaled(sensor("temp2_input") ?? sensor("temp1_input"), 1e3, MAX_CELSIUS, Math.round),
      powerWatts: scaled(sensor("power1_average") ?? sensor("power1_input"), 1e6, MAX_WATTS, (watts) => watts),
      smClockMhz: scaled(sensor("freq1_input"), 1e6, MAX_MEGAHERTZ, Math.round),
      throttleReasons: [],
      migInstances: [],
      processes: processes
        .filter(({ pciAddress }) => pciAddress === gpu.pciAddress)
        .map(({ pid, memoryBytes }) => ({ pid, memoryBytes, migInstanceId: null, ...ownerOf(pid) })),
    };
  });
}

function scaled(text: string | null, divisor: number, max: number, finish: (value: number) => number): number | null {
  const number = decimalOf(text, max * divisor);
  return number === null ? null : finish(number / divisor);
}
