import { describeEnforcement } from "@drover/shared/domain/enforcement.ts";
import type { GpuDevice } from "@drover/shared/domain/gpu.ts";
import type { Cpu, Disk, NetworkInterface } from "@drover/shared/domain/machine.ts";
import { describeImplications, platformName } from "@drover/shared/domain/platform.ts";
import type { Hardware } from "@drover/shared/domain/node.ts";
import { formatBytes } from "@drover/shared/units.ts";
import { formatMilli } from "@drover/shared/domain/format-resources.ts";

type Field = readonly [name: string, value: string | null];

/** What a machine is, a line for each part. */
export function hardwareFields(hardware: Hardware): Field[] {
  const { cpu, memory, platform, software } = hardware;
  return [
    ["platform", platform && `${platformName(platform)}: ${describeImplications(platform)}`],
    ["system", `${hardware.os}, kernel ${hardware.kernel}, ${hardware.architecture}`],
    ["cpu", describeCpu(cpu)],
    ["numa", cpu.numaNodes.length < 2 ? null : cpu.numaNodes.map(({ id, cpus }) => `node ${id}: ${cpus}`).join("; ")],
    ["memory", describeMemory(hardware.memoryBytes, memory)],
    ["enforced", hardware.enforcement && describeEnforcement(hardware.enforcement)],
    ...hardware.gpus.flatMap((gpu): Field[] => [
      [`gpu ${gpu.index}`, describeGpu(gpu)],
      ...gpu.migInstances.map((mig): Field => ["", `${mig.profile}${sizeOf(mig.memoryBytes)}, ${mig.id}`]),
    ]),
    ...hardware.disks.map((disk): Field => ["disk", describeDisk(disk)]),
    ...hardware.networks.map((network): Field => ["network", describeNetwork(network)]),
    ["containers", listed(software?.containerRuntimes.map(describeRuntime))],
    ["cuda", cudaOf(hardware)],
    ["python", software?.pythonVersion ?? null],
    ...hardware.gpuFaults.map(({ gpuId, pciAddress, code, evidence }): Field => [
      "fault",
      `${code}${gpuId === null && pciAddress === null ? "" : ` on ${gpuId ?? pciAddress}`}: ${evidence}`,
    ]),
    ...hardware.warnings.map((warning): Field => ["warning", warning]),
  ];
}

function describeCpu({ model, cores, physicalCores, sockets, threads, usableMilli, boundBy }: Cpu): string {
  const parts = [`${model}, ${threads ?? cores} cores`];
  if (physicalCores !== null) parts.push(`(${physicalCores} physical)`);
  if (sockets !== null && sockets > 1) parts.push(`in ${sockets} sockets`);
  if (boundBy !== "machine" && usableMilli !== null)
    parts.push(`of which ${boundBy} leaves ${formatMilli(usableMilli)}`);
  return parts.join(" ");
}

function describeMemory(usableBytes: number, memory: Hardware["memory"]): string {
  if (memory === null) return formatBytes(usableBytes);
  const limit = memory.limitBytes === null ? "" : `, of which the cgroup leaves ${formatBytes(memory.limitBytes)}`;
  const swap = memory.swapBytes === 0 ? "" : `, ${formatBytes(memory.swapBytes)} of swap`;
  return `${formatBytes(memory.totalBytes)}${limit}${swap}`;
}

function describeGpu(gpu: GpuDevice): string {
  const driver = gpu.driverVersion === null ? "" : `, driver ${gpu.driverVersion}`;
  const name = gpu.modelName === null ? "" : ` (${gpu.modelName})`;
  const slot = gpu.pciAddress === null ? "" : `, at ${gpu.pciAddress}`;
  const mig = gpu.isMigEnabled === true ? `, in ${gpu.migInstances.length} instances` : "";
  return `${gpu.model}${name}${sizeOf(gpu.memoryBytes)}${driver}${slot}${mig}, ${gpu.id}`;
}

function sizeOf(bytes: number | null): string {
  return bytes === null ? "" : `, ${formatBytes(bytes)}`;
}

function describeDisk(disk: Disk): string {
  const kind = disk.isNetwork ? `${disk.fileSystem} from ${disk.source ?? "elsewhere"}` : disk.fileSystem;
  const marks = [disk.isReadOnly && "read-only", disk.holdsDataDir && "holds the agent's data"].filter(
    (mark) => mark !== false,
  );
  const free = `${formatBytes(disk.freeBytes)} free of ${formatBytes(disk.sizeBytes)}`;
  const { writeBytesPerSecond, readBytesPerSecond } = disk;
  const writes = writeBytesPerSecond === null ? [] : [`writes ${formatBytes(writeBytesPerSecond)}/s`];
  const reads = readBytesPerSecond === null ? [] : [`reads ${formatBytes(readBytesPerSecond)}/s`];
  return [`${disk.mount}  ${free}`, kind, ...writes, ...reads, ...marks].join(", ");
}

function describeNetwork({ name, addresses, speedMbit, isPrimary }: NetworkInterface): string {
  const speed =
    speedMbit === null ? "" : `, ${speedMbit >= 1000 ? `${speedMbit / 1000} Gbit/s` : `${speedMbit} Mbit/s`}`;
  return `${name}  ${addresses.join(" ")}${speed}${isPrimary ? ", towards the coordinator" : ""}`;
}

function describeRuntime({
  name,
  version,
  hasNvidia,
}: {
  name: string;
  version: string | null;
  hasNvidia: boolean;
}): string {
  return `${name}${version === null ? "" : ` ${version}`}${hasNvidia ? " with NVIDIA's GPUs" : ""}`;
}

function cudaOf({ software }: Hardware): string | null {
  const driver = software?.driverCudaVersion ?? null;
  const toolkit = software?.cudaToolkitVersion ?? null;
  return listed([
    ...(driver === null ? [] : [`driver runs up to ${driver}`]),
    ...(toolkit === null ? [] : [`toolkit ${toolkit}`]),
  ]);
}

function listed(parts: readonly string[] | undefined): string | null {
  return parts === undefined || parts.length === 0 ? null : parts.join(", ");
}
