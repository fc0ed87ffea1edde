import type { MachineFiles } from "../machine-files.ts";
import { wholeNumberOf } from "../parse/cell.ts";
import { MAX_GPU_MEMORY_BYTES, MAX_PID } from "../parse/limits.ts";

const KFD = "/sys/class/kfd/kfd";

export interface KfdProcess {
  /** `0000:83:00`: of the GPU whose memory it holds. */
  pciAddress: string;
  pid: number;
  memoryBytes: number;
}

/**
 * Who holds memory of AMD's GPUs, as their compute driver says in its own files: a directory for each process, and in
 * it a file for each GPU (drivers/gpu/drm/amd/amdkfd/kfd_process.c).
 */
export function readKfdProcesses(files: MachineFiles): KfdProcess[] {
  const pids = files.list(`${KFD}/proc`);
  const gpus = pids.length === 0 ? [] : readKfdGpus(files);
  return pids.flatMap((name) => {
    const pid = wholeNumberOf(name, MAX_PID);
    return gpus.flatMap(({ gpuId, pciAddress }) => {
      const memoryBytes = wholeNumberOf(files.read(`${KFD}/proc/${name}/vram_${gpuId}`), MAX_GPU_MEMORY_BYTES);
      return pid === null || memoryBytes === null || memoryBytes === 0 ? [] : [{ pciAddress, pid, memoryBytes }];
    });
  });
}

/** Nodes without a GPU have the id 0. */
function readKfdGpus(files: MachineFiles): { gpuId: string; pciAddress: string }[] {
  return files.list(`${KFD}/topology/nodes`).flatMap((node) => {
    const gpuId = files.read(`${KFD}/topology/nodes/${node}/gpu_id`)?.trim() ?? "0";
    const properties = files.read(`${KFD}/topology/nodes/${node}/properties`) ?? "";
    const location = numberAfter(properties, "location_id");
    if (!/^[1-9]\d*$/.test(gpuId) || location === null) return [];
    const domain = numberAfter(properties, "domain") ?? 0;
    // pci_dev_id(): bus in the upper byte, then five bits of device and three of function.
    const [bus, device] = [(location >> 8) & 0xff, (location >> 3) & 0x1f];
    return [{ gpuId, pciAddress: `${hex(domain, 4)}:${hex(bus, 2)}:${hex(device, 2)}` }];
  });
}

function numberAfter(text: string, word: string): number | null {
  const digits = new RegExp(`^${word} (\\d{1,9})$`, "m").exec(text)?.[1];
  return digits === undefined ? null : Number(digits);
}

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, "0");
}
