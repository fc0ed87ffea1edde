import type { Hardware } from "@drover/shared/domain/node.ts";
import { execa } from "execa";
import { cpu, fsSize, osInfo } from "systeminformation";
import { NVIDIA_SMI_ARGUMENTS, readGpus, type NvidiaSmiRun } from "./gpus.ts";
import { readBasicHardware } from "./hardware.ts";

const NVIDIA_SMI_TIMEOUT_MS = 20_000;

/**
 * Everything that the machine tells of itself. Only for the short-lived process `drover-agent probe`: the
 * libraries would stay in the agent's memory, and vendors' tools may hang.
 */
export async function readFullHardware(): Promise<Hardware> {
  const basic = readBasicHardware();
  const warnings: string[] = [];
  const orWarn = async <T>(what: string, reading: Promise<T>): Promise<T | null> =>
    reading.catch((error: unknown) => {
      warnings.push(`${what}: ${error instanceof Error ? error.message : String(error)}`);
      return null;
    });
  const [processor, disks, system, nvidia] = await Promise.all([
    orWarn("cpu", cpu()),
    orWarn("disks", fsSize()),
    orWarn("os", osInfo()),
    runNvidiaSmi(),
  ]);
  const gpus = readGpus(nvidia);
  return {
    ...basic,
    cpu: {
      model: processor?.brand ? `${processor.manufacturer} ${processor.brand}`.trim() : basic.cpu.model,
      cores: basic.cpu.cores,
      physicalCores: processor && processor.physicalCores > 0 ? processor.physicalCores : null,
    },
    disks: (disks ?? [])
      .filter((disk) => disk.size > 0)
      .map((disk) => ({ mount: disk.mount, fileSystem: disk.type, sizeBytes: disk.size, freeBytes: disk.available })),
    gpus: gpus.gpus,
    os: system ? `${system.distro} ${system.release}`.trim() : basic.os,
    warnings: [...warnings, ...gpus.warnings],
  };
}

async function runNvidiaSmi(): Promise<NvidiaSmiRun | null> {
  const result = await execa("nvidia-smi", NVIDIA_SMI_ARGUMENTS, {
    timeout: NVIDIA_SMI_TIMEOUT_MS,
    // It is known to ignore SIGTERM while the driver hangs.
    killSignal: "SIGKILL",
    reject: false,
    stdin: "ignore",
  });
  if (result.code === "ENOENT") return null;
  return { exitCode: result.exitCode ?? null, timedOut: result.timedOut, stdout: result.stdout, stderr: result.stderr };
}
