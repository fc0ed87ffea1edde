import { GpuDevice } from "@drover/shared/domain/gpu.ts";
import type { GpuLoad } from "@drover/shared/domain/gpu-load.ts";
import { Hardware, NodeLoad } from "@drover/shared/domain/node.ts";

export const GIB = 1024 ** 3;

/** GPU-0, GPU-1, … at 0000:10:00, 0000:11:00, … */
export function someHardware(gpuCount: number, fields: Partial<Hardware> = {}): Hardware {
  const gpus = Array.from({ length: gpuCount }, (_, index) =>
    GpuDevice.parse({
      id: `GPU-${index}`,
      index,
      model: "NVIDIA A100-SXM4-80GB",
      memoryBytes: 80 * GIB,
      driverVersion: "590.48.01",
      pciAddress: `0000:1${index}:00`,
      isMigEnabled: false,
    }),
  );
  return Hardware.parse({
    cpu: { model: "test", cores: 8, physicalCores: null },
    memoryBytes: 64 * GIB,
    disks: [],
    gpus,
    os: "test",
    kernel: "test",
    architecture: "x64",
    software: { containerRuntimes: [], driverCudaVersion: null, cudaToolkitVersion: null, pythonVersion: null },
    warnings: [],
    ...fields,
  });
}

export function someLoad(fields: Partial<NodeLoad> = {}): NodeLoad {
  return NodeLoad.parse({ load1: 0, memoryAvailableBytes: GIB, dataDiskFreeBytes: GIB, ...fields });
}

export function someGpuLoad(id: string, fields: Partial<GpuLoad> = {}): GpuLoad {
  return {
    id,
    utilizationPercent: 0,
    memoryUsedBytes: 0,
    temperatureCelsius: 40,
    powerWatts: 60,
    smClockMhz: 345,
    throttleReasons: [],
    migInstances: [],
    processes: [],
    ...fields,
  };
}
