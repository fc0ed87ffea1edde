import { readFileSync } from "node:fs";
import { readMachineId } from "../identity.ts";
import { openKernelLog } from "../probe/live/kernel-log-source.ts";
import { watchLoad } from "../probe/live/load-watch.ts";
import { createMachineFiles } from "../probe/machine-files.ts";
import type { ToolPaths } from "../probe/tools.ts";
import { closeCgroups, openCgroups } from "../runtime/open-cgroups.ts";
import { startLauncher } from "../runtime/launcher.ts";
import { findByEnvironment } from "../runtime/processes.ts";
import { listenForNotices } from "../runtime/notices.ts";
import { nodeFileSystem } from "./file-system.ts";
import { machineClock } from "./machine-clock.ts";
import type { Machine } from "./machine.ts";

/** In the environment of each tool that is watched; a data directory has one agent at a time. */
const WATCHED_FOR = "DROVER_WATCHED_FOR";

export interface LinuxMachineOptions {
  dataDir: string;
  /** The compiled native/supervisor.c. */
  supervisorProgram: string;
  tools: ToolPaths;
  probeHardware: Machine["probeHardware"];
  diagnose: Machine["diagnose"];
  upgrade: Machine["upgrade"];
}

/** The machine that this process runs on. */
export function linuxMachine({
  dataDir,
  supervisorProgram,
  tools,
  probeHardware,
  diagnose,
  upgrade,
}: LinuxMachineOptions): Machine {
  const kernelLog = openKernelLog();
  return {
    clock: machineClock,
    files: nodeFileSystem,
    bootId: readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim(),
    machineId: ownMachineId(),
    startLauncher: () => startLauncher({ program: supervisorProgram, dataDir, clock: machineClock }),
    listenForNotices: (onNotice) => listenForNotices(dataDir, onNotice),
    sendSignal,
    openCgroups,
    closeCgroups,
    probeHardware,
    diagnose,
    upgrade,
    watchLoad(hardware, onTrouble) {
      // Of an agent that was killed: one that has nothing to say would never notice that nobody listens.
      for (const pid of findByEnvironment(nodeFileSystem, `${WATCHED_FOR}=${dataDir}`)) sendSignal(pid, "SIGKILL");
      return watchLoad({
        hardware,
        dataDir,
        nvidiaSmi: tools.nvidiaSmi,
        xpuSmi: tools.xpuSmi,
        files: createMachineFiles(),
        kernelLog,
        environment: { [WATCHED_FOR]: dataDir },
        clock: machineClock,
        onTrouble,
      });
    },
  };
}

/** Of who runs this: what only root may read is another. */
export function ownMachineId(): string | null {
  return readMachineId(readTextIfAllowed);
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
