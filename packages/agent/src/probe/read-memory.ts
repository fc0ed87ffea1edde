import type { Memory } from "@drover/shared/domain/machine.ts";
import { BYTES_PER_GIB } from "@drover/shared/units.ts";
import type { MachineFiles } from "./machine-files.ts";
import { parseCgroupDirectories, parseMemoryLimit } from "./parse/cgroup.ts";
import { parseMemInfo } from "./parse/memory.ts";

export interface MemorySources {
  files: MachineFiles;
  environment: Readonly<Record<string, string | undefined>>;
  /** What Node says; used where the kernel's files say nothing. */
  totalBytes: number;
}

/** The machine's memory, and the least bound of all cgroups that we are in; a Runpod pod also says it itself. */
export function readMemory({ files, environment, totalBytes }: MemorySources): Memory {
  const memInfo = files.read("/proc/meminfo");
  const groups = parseCgroupDirectories(
    files.read("/proc/self/mountinfo") ?? "",
    files.read("/proc/self/cgroup") ?? "",
    "memory",
  );
  const file = groups?.version === 2 ? "memory.max" : "memory.limit_in_bytes";
  const limits = (groups?.directories ?? []).map((directory) => parseMemoryLimit(files.read(`${directory}/${file}`)));
  const podGib = Number(environment["RUNPOD_MEM_GB"]);
  if (podGib > 0) limits.push(podGib * BYTES_PER_GIB);
  const machineBytes = parseMemInfo(memInfo, "MemTotal") ?? totalBytes;
  const bounds = limits.filter((limit) => limit !== null && limit > 0 && limit < machineBytes) as number[];
  return {
    totalBytes: machineBytes,
    swapBytes: parseMemInfo(memInfo, "SwapTotal") ?? 0,
    limitBytes: bounds.length === 0 ? null : Math.min(...bounds),
  };
}
