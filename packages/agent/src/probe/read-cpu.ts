import type { Cpu, NumaNode } from "@drover/shared/domain/machine.ts";
import type { MachineFiles } from "./machine-files.ts";
import { parseCgroupDirectories, parseCpuMax, parseCpuQuota } from "./parse/cgroup.ts";
import { parseAllowedCpus, parseCpuInfo } from "./parse/cpu.ts";
import { parseMemInfo } from "./parse/memory.ts";

export interface CpuSources {
  files: MachineFiles;
  environment: Readonly<Record<string, string | undefined>>;
  /** What Node counts; used where the kernel's files say nothing. */
  parallelism: number;
  model: string;
}

/**
 * The machine's CPUs, and how much of them is ours: the least of the machine, the cpuset, the quota of every cgroup
 * that we are in, and in a pod of Runpod its own word (which shows the host's CPUs everywhere else).
 */
export function readCpu({ files, environment, parallelism, model }: CpuSources): Cpu {
  const info = parseCpuInfo(files.read("/proc/cpuinfo") ?? "");
  const threads = info.threads ?? parallelism;
  const bounds: { milli: number; boundBy: Cpu["boundBy"] }[] = [{ milli: threads * 1000, boundBy: "machine" }];
  const allowed = parseAllowedCpus(files.read("/proc/self/status") ?? "");
  if (allowed !== null) bounds.push({ milli: allowed * 1000, boundBy: "cpuset" });
  const quota = readQuotaMilli(files);
  if (quota !== null) bounds.push({ milli: quota, boundBy: "cgroup" });
  const podCpus = Number(environment["RUNPOD_CPU_COUNT"]);
  if (Number.isInteger(podCpus) && podCpus > 0) bounds.push({ milli: podCpus * 1000, boundBy: "RUNPOD_CPU_COUNT" });
  const least = bounds.reduce((a, b) => (b.milli < a.milli ? b : a));
  return {
    model: info.model ?? model,
    cores: Math.max(1, Math.floor(least.milli / 1000)),
    physicalCores: info.physicalCores,
    sockets: info.sockets,
    threads,
    usableMilli: least.milli,
    boundBy: least.boundBy,
    numaNodes: readNumaNodes(files),
  };
}

function readQuotaMilli(files: MachineFiles): number | null {
  const groups = parseCgroupDirectories(
    files.read("/proc/self/mountinfo") ?? "",
    files.read("/proc/self/cgroup") ?? "",
    "cpu",
  );
  const quotas = (groups?.directories ?? []).map((directory) =>
    groups?.version === 2
      ? parseCpuMax(files.read(`${directory}/cpu.max`))
      : parseCpuQuota(files.read(`${directory}/cpu.cfs_quota_us`), files.read(`${directory}/cpu.cfs_period_us`)),
  );
  const bounded = quotas.filter((quota) => quota !== null);
  return bounded.length === 0 ? null : Math.min(...bounded);
}

function readNumaNodes(files: MachineFiles): NumaNode[] {
  const root = "/sys/devices/system/node";
  return files
    .list(root)
    .filter((name) => /^node\d{1,4}$/.test(name))
    .map((name) => ({
      id: Number(name.slice("node".length)),
      cpus: files.read(`${root}/${name}/cpulist`)?.trim() ?? "",
      memoryBytes: parseMemInfo(files.read(`${root}/${name}/meminfo`), "MemTotal"),
    }))
    .toSorted((a, b) => a.id - b.id);
}
