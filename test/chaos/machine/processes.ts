import { readFileSync, readdirSync } from "node:fs";

/** In the environment of every process of a run, its daemons and its tasks: how they are told from all others. */
export const MARK = "CHAOS_RUN";

export interface MarkedProcess {
  pid: number;
  parentPid: number;
  /** The program's path and its arguments. */
  command: readonly string[];
  /** Set in the processes of attempts alone. */
  attemptId: string | null;
}

/** All living processes of a run. A zombie has no environment any more, and counts as gone. */
export function markedProcesses(run: string): MarkedProcess[] {
  const found: MarkedProcess[] = [];
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const environment = readFileSync(`/proc/${name}/environ`, "latin1").split("\0");
      if (!environment.includes(`${MARK}=${run}`)) continue;
      const status = readFileSync(`/proc/${name}/status`, "latin1");
      found.push({
        pid: Number(name),
        parentPid: Number(/^PPid:\s+(\d+)$/m.exec(status)?.[1]),
        command: readFileSync(`/proc/${name}/cmdline`, "utf8").split("\0"),
        attemptId: valueOf(environment, "DROVER_ATTEMPT_ID"),
      });
    } catch {
      // Gone meanwhile, or another user's.
    }
  }
  return found;
}

function valueOf(environment: readonly string[], name: string): string | null {
  return environment.find((entry) => entry.startsWith(`${name}=`))?.slice(name.length + 1) ?? null;
}

/** False where it has ended by itself, which is as good. */
export function signal(pid: number, name: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, name);
  } catch {
    return false;
  }
}
