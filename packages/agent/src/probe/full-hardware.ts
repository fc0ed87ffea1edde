import { arch, availableParallelism, release, totalmem } from "node:os";
import type { Clock } from "@drover/shared/clock.ts";
import type { ToolCall } from "@drover/shared/domain/diagnosis.ts";
import type { Hardware } from "@drover/shared/domain/node.ts";
import { readBasicHardware } from "./hardware.ts";
import { createMachineFiles } from "./machine-files.ts";
import { parseOsRelease } from "./parse/software.ts";
import { readCpu } from "./read-cpu.ts";
import { readDisks } from "./read-disks.ts";
import { readMemory } from "./read-memory.ts";
import { readNetworks } from "./read-networks.ts";
import { readPlatform } from "./read-platform.ts";
import { readNvidia } from "./read-nvidia.ts";
import { readAmd, readIntel } from "./read-other-gpus.ts";
import { readSoftware } from "./read-software.ts";
import { recordCalls } from "./record-calls.ts";
import { createRunTool } from "./run-tool.ts";
import type { ToolPaths } from "./tools.ts";

export interface ProbeOptions {
  tools: ToolPaths;
  dataDir: string | null;
  /** Which of our addresses others reach is asked of the route to this host. */
  towards: string | null;
  clock: Clock;
  /** Writes 64 MiB to the data directory's disk, if that was not done before. */
  mayMeasureDisks: boolean;
  /** Every question to a tool is noted here. */
  calls?: ToolCall[];
}

/**
 * Everything that the machine tells of itself. Only for the short-lived process `drover-agent probe`, because
 * vendors' tools and network volumes may hang. Each part has a deadline of its own; what does not answer is a warning.
 */
export async function readFullHardware({
  tools,
  dataDir,
  towards,
  clock,
  mayMeasureDisks,
  calls,
}: ProbeOptions): Promise<Hardware> {
  const files = createMachineFiles();
  const run = calls === undefined ? createRunTool(clock) : recordCalls(createRunTool(clock), clock, calls);
  const basic = readBasicHardware();
  const environment = process.env;
  const [disks, networks, software, nvidia, amd, intel] = await Promise.all([
    readDisks({ files, dataDir, run, clock, mayMeasure: mayMeasureDisks }),
    readNetworks(files, towards, clock),
    readSoftware(run, files),
    readNvidia({ program: tools.nvidiaSmi, run, files, clock }),
    readAmd(tools.amdSmi, tools.rocmSmi, run),
    readIntel(tools.xpuSmi, run),
  ]);
  const memory = readMemory({ files, environment, totalBytes: totalmem() });
  const gpuReadings = [nvidia, amd, intel];
  return {
    cpu: readCpu({ files, environment, parallelism: availableParallelism(), model: basic.cpu.model }),
    memoryBytes: memory.limitBytes ?? memory.totalBytes,
    memory,
    disks: disks.disks,
    networks,
    gpus: gpuReadings.flatMap(({ gpus }) => gpus),
    gpuFaults: gpuReadings.flatMap(({ faults }) => faults),
    os: parseOsRelease(files.read("/etc/os-release")) ?? basic.os,
    kernel: release(),
    architecture: arch(),
    platform: readPlatform({ files, environment, dataDir }),
    enforcement: null,
    software: { ...software, driverCudaVersion: nvidia.cudaVersion },
    warnings: [...disks.warnings, ...gpuReadings.flatMap(({ warnings }) => warnings)],
  };
}
