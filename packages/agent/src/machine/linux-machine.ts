import { readFileSync } from "node:fs";
import type { Hardware } from "@drover/shared/domain/node.ts";
import { readMachineId } from "../identity.ts";
import { readLoad } from "../probe/load.ts";
import { openCgroupRoot } from "../runtime/cgroup.ts";
import { startLauncher } from "../runtime/launcher.ts";
import { listenForNotices } from "../runtime/notices.ts";
import { nodeFileSystem } from "./file-system.ts";
import { machineClock } from "./machine-clock.ts";
import type { Machine } from "./machine.ts";

export interface LinuxMachineOptions {
  dataDir: string;
  /** The compiled native/supervisor.c. */
  supervisorProgram: string;
  probeHardware(): Promise<Hardware>;
}

/** The machine that this process runs on. */
export function linuxMachine({ dataDir, supervisorProgram, probeHardware }: LinuxMachineOptions): Machine {
  return {
    clock: machineClock,
    files: nodeFileSystem,
    bootId: readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim(),
    machineId: readMachineId(readTextIfAllowed),
    startLauncher: () => startLauncher({ program: supervisorProgram, dataDir, clock: machineClock }),
    listenForNotices: (onNotice) => listenForNotices(dataDir, onNotice),
    sendSignal,
    openCgroupRoot,
    probeHardware,
    readLoad: () => readLoad(dataDir),
  };
}

function readTextIfAllowed(path: string): string | null {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return null;
  }
}

function sendSignal(pid: number, signal: "SIGTERM" | "SIGKILL"): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It ended in between, which is what was wanted.
  }
}
