import { arch, availableParallelism, cpus, release, totalmem, type as osType } from "node:os";
import { Hardware } from "@drover/shared/domain/node.ts";

/** What Node itself knows: always there, and quick. */
export function readBasicHardware(): Hardware {
  return Hardware.parse({
    cpu: { model: cpus()[0]?.model.trim() || "unknown", cores: availableParallelism(), physicalCores: null },
    memoryBytes: usableMemoryBytes(totalmem(), process.constrainedMemory()),
    disks: [],
    gpus: [],
    os: osType(),
    kernel: release(),
    architecture: arch(),
    warnings: [],
  });
}

/**
 * In a container the machine's memory is not ours: the cgroup's limit counts. Without a limit the kernel says 0 or
 * a number beyond any machine.
 */
export function usableMemoryBytes(machineBytes: number, limitBytes: number): number {
  return limitBytes > 0 && limitBytes < machineBytes ? limitBytes : machineBytes;
}
