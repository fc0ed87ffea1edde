import type { Allocation } from "@drover/shared/domain/resources.ts";
import { gpuOf, type GpuDevice } from "@drover/shared/domain/gpu.ts";
import { DEFAULT_RESOURCES } from "@drover/shared/domain/job.ts";
import { BYTES_PER_MIB } from "@drover/shared/units.ts";
import type { AttemptId } from "@drover/shared/domain/ids.ts";
import type { CgroupRoots } from "../runtime/open-cgroups.ts";
import type { AttemptCgroups } from "../spool/launch-file.ts";

/** Who asks for less all but says that he asks for nothing: with less not even a shell and what it runs get far. */
const LEAST_LIMIT_BYTES = 16 * BYTES_PER_MIB;

/** cgroup v2 weighs from 1 to 10,000: so 400 CPUs are the most that can be told from fewer. */
const CPU_MILLI_PER_WEIGHT = 40;
const MAX_CPU_WEIGHT = 10_000;

/** The attempt's cgroups on this node, and what they are to be set to. */
export function cgroupsFor(
  attemptId: AttemptId,
  allocation: Allocation,
  gpus: readonly GpuDevice[],
  { unified, controllers }: CgroupRoots,
): AttemptCgroups {
  const directories = new Map<string, string>();
  const settings: [file: string, value: string][] = [];
  const enter = (root: string): string => {
    const directory = `${root}/${attemptId}`;
    directories.set(root, directory);
    return directory;
  };
  const { memory, cpu, cpuset } = controllers;
  const nearCpus = cpusNear(allocation, gpus);
  if (unified !== null) enter(unified);
  const memoryDirectory = memory === undefined ? null : enter(memory.directory);
  // Who asks for none has no limit, nor has who said nothing of memory: what is promised then is a guess of ours.
  const isAskedFor = allocation.memoryBytes > 0 && allocation.memoryBytes !== DEFAULT_RESOURCES.memoryBytes;
  if (memory !== undefined && memoryDirectory !== null && isAskedFor)
    settings.push(...memorySettings(memory.version, memoryDirectory, allocation.memoryBytes));
  if (cpu !== undefined && allocation.cpuMilli > 0)
    settings.push(cpuSetting(cpu.version, enter(cpu.directory), allocation.cpuMilli));
  if (cpuset !== undefined && nearCpus !== null) settings.push([`${enter(cpuset.directory)}/cpuset.cpus`, nearCpus]);
  return {
    unified: unified === null ? null : (directories.get(unified) ?? null),
    ofControllers: [...directories].filter(([root]) => root !== unified).map(([, directory]) => directory),
    settings,
    memory: memoryDirectory,
  };
}

export function directoriesOf({ unified, ofControllers }: AttemptCgroups): string[] {
  return unified === null ? [...ofControllers] : [unified, ...ofControllers];
}

/** Swap is no way out: what was asked for is memory, and a job that swaps stands in everybody's way. */
function memorySettings(version: 1 | 2, directory: string, memoryBytes: number): [string, string][] {
  const limit = String(Math.max(memoryBytes, LEAST_LIMIT_BYTES));
  if (version === 1)
    return [
      [`${directory}/memory.limit_in_bytes`, limit],
      // Memory and swap together; not there where the kernel does not account for swap.
      [`${directory}/memory.memsw.limit_in_bytes`, limit],
    ];
  return [
    [`${directory}/memory.max`, limit],
    [`${directory}/memory.swap.max`, "0"],
    // All of it or nothing: half a job is of no use, and hides what happened.
    [`${directory}/memory.oom.group`, "1"],
  ];
}

/** A share and no cap: CPUs that nobody else wants now are not left idle. */
function cpuSetting(version: 1 | 2, directory: string, cpuMilli: number): [string, string] {
  if (version === 1) return [`${directory}/cpu.shares`, String(Math.max(2, Math.round((cpuMilli * 1024) / 1000)))];
  const weight = Math.min(MAX_CPU_WEIGHT, Math.max(1, Math.round(cpuMilli / CPU_MILLI_PER_WEIGHT)));
  return [`${directory}/cpu.weight`, String(weight)];
}

/** `0-19,40-59`: those near any of the GPUs; `null` where one does not say, and where they are fewer than were promised. */
function cpusNear({ gpuIds, cpuMilli }: Allocation, gpus: readonly GpuDevice[]): string | null {
  const near = gpuIds.map((id) => gpuOf(gpus, id)?.cpuAffinity ?? null);
  if (near.length === 0 || near.includes(null)) return null;
  const cpus = [...new Set(near)].join(",");
  return countCpus(cpus) * 1000 < cpuMilli ? null : cpus;
}

/** Of a list as the kernel writes it, perhaps with some twice. */
function countCpus(list: string): number {
  const cpus = new Set<number>();
  for (const range of list.split(",")) {
    const [first, last = first] = range.split("-").map(Number);
    for (let cpu = first ?? 0; cpu <= (last ?? -1); cpu++) cpus.add(cpu);
  }
  return cpus.size;
}
