import { hasCode, type FileSystem } from "../machine/file-system.ts";

export interface ProcessStat {
  /** `Z`: dead, and not yet taken note of by its parent. */
  state: string;
  parentPid: number;
  processGroup: number;
  /** Clock ticks since boot; with the pid it names one process for good. */
  startTicks: number;
}

/** Reads /proc/PID/stat: proc(5). The command's name comes in brackets and may hold anything, brackets too. */
export function parseProcessStat(text: string): ProcessStat | null {
  const afterName = text.slice(text.lastIndexOf(")") + 2).split(" ");
  // Field 3 is the state, 4 the parent, 5 the process group and 22 the start time, counted from 1; the name was field 2.
  const [state, parent, group] = afterName;
  const parentPid = Number(parent);
  const processGroup = Number(group);
  const startTicks = Number(afterName[19]);
  if (state === undefined || ![parentPid, processGroup, startTicks].every(Number.isSafeInteger)) return null;
  return { state, parentPid, processGroup, startTicks };
}

/** True while the very process that once had this pid and start time lives. A zombie does not. */
export function isProcessAlive(files: FileSystem, pid: number, startTicks: number): boolean {
  try {
    const text = files.readText(`/proc/${pid}/stat`);
    const stat = text === null ? null : parseProcessStat(text);
    return stat !== null && !isDead(stat) && stat.startTicks === startTicks;
  } catch (error) {
    // It died while we looked. Whatever else keeps us from looking (no file descriptor left) says nothing of it, and a
    // process that is taken for dead has its attempt given up.
    return !hasCode(error, "ESRCH");
  }
}

/** Lives, and is no zombie. */
export function isRunning(files: FileSystem, pid: number): boolean {
  const stat = readStat(files, pid);
  return stat !== null && !isDead(stat);
}

/**
 * Who is in the group of a command that has ended, whatever became of his environment. As long as somebody is in it its
 * number is given to no other process; once the command's pid is somebody's again, the group may be somebody else's too.
 */
export function findInOrphanedGroup(files: FileSystem, commandPid: number): number[] {
  if (commandPid <= 0) return [];
  const members = allPids(files).flatMap((pid) => {
    const stat = readStat(files, pid);
    return stat !== null && stat.processGroup === commandPid && !isDead(stat) ? [pid] : [];
  });
  return members.includes(commandPid) ? [] : members;
}

function isDead({ state }: ProcessStat): boolean {
  return state === "Z" || state === "X";
}

/** `null` of one that is gone. */
function readStat(files: FileSystem, pid: number): ProcessStat | null {
  try {
    const text = files.readText(`/proc/${pid}/stat`);
    return text === null ? null : parseProcessStat(text);
  } catch {
    return null;
  }
}

function allPids(files: FileSystem): number[] {
  return files
    .list("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

/** Every process that was started with this entry in its environment and has not wiped it since. */
export function findByEnvironment(files: FileSystem, entry: string): number[] {
  const pids: number[] = [];
  for (const pid of allPids(files)) {
    try {
      const environment = files.readText(`/proc/${pid}/environ`);
      if (environment?.split("\0").includes(entry)) pids.push(pid);
    } catch {
      // Gone, or another user's.
    }
  }
  return pids;
}
