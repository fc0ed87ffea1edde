import { hasCode, type FileSystem } from "../machine/file-system.ts";

export interface ProcessStat {
  /** `Z`: dead, and not yet taken note of by its parent. */
  state: string;
  parentPid: number;
  /** Clock ticks since boot; with the pid it names one process for good. */
  startTicks: number;
}

/** Reads /proc/PID/stat: proc(5). The command's name comes in brackets and may hold anything, brackets too. */
export function parseProcessStat(text: string): ProcessStat | null {
  const afterName = text.slice(text.lastIndexOf(")") + 2).split(" ");
  // Field 3 is the state, 4 the parent and 22 the start time, counted from 1; the name was field 2.
  const [state, parent] = afterName;
  const parentPid = Number(parent);
  const startTicks = Number(afterName[19]);
  if (state === undefined || !Number.isSafeInteger(parentPid) || !Number.isSafeInteger(startTicks)) return null;
  return { state, parentPid, startTicks };
}

/** True while the very process that once had this pid and start time lives. A zombie does not. */
export function isProcessAlive(files: FileSystem, pid: number, startTicks: number): boolean {
  try {
    const text = files.readText(`/proc/${pid}/stat`);
    const stat = text === null ? null : parseProcessStat(text);
    return stat !== null && stat.state !== "Z" && stat.state !== "X" && stat.startTicks === startTicks;
  } catch (error) {
    // It died while we looked. Whatever else keeps us from looking (no file descriptor left) says nothing of it, and a
    // process that is taken for dead has its attempt given up.
    return !hasCode(error, "ESRCH");
  }
}

/** Every process that was started with this entry in its environment and has not wiped it since. */
export function findByEnvironment(files: FileSystem, entry: string): number[] {
  const pids: number[] = [];
  for (const name of files.list("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const environment = files.readText(`/proc/${name}/environ`);
      if (environment?.split("\0").includes(entry)) pids.push(Number(name));
    } catch {
      // Gone, or another user's.
    }
  }
  return pids;
}
