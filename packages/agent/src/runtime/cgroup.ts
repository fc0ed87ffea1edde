import { readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Kills everything in it and removes it; yields how many it found there. Its absence is no error. */
export function killCgroup(directory: string, sendKill: (pid: number) => void): number {
  const pids = processesIn(directory);
  if (pids.length > 0 && !killAtOnce(directory)) for (const pid of pids) sendKill(pid);
  try {
    rmdirSync(directory);
  } catch {
    // Not there, or not empty for another moment.
  }
  return pids.length;
}

/** Version 2 can, since Linux 5.14. */
function killAtOnce(directory: string): boolean {
  try {
    writeFileSync(join(directory, "cgroup.kill"), "1", { flag: "r+" });
    return true;
  } catch {
    return false;
  }
}

function processesIn(directory: string): number[] {
  try {
    return (readFileSync(join(directory, "cgroup.procs"), "utf8").match(/\d+/g) ?? []).map(Number);
  } catch {
    return [];
  }
}
