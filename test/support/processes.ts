import { spawn, type ChildProcess } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";

/** Ends with this process, however that ends. */
const alive = new Set<ChildProcess>();
process.on("exit", () => {
  for (const child of alive) child.kill("SIGKILL");
});

/** Starts a Node program of its own; its stderr is shown, its stdout is kept. */
export function startNode(args: readonly string[], env: Record<string, string> = {}): ChildProcess {
  return startProgram(process.execPath, args, env);
}

/** Starts any program; its stderr is shown, its stdout is kept. */
export function startProgram(program: string, args: readonly string[], env: Record<string, string> = {}): ChildProcess {
  const child = spawn(program, args, {
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "inherit"],
  });
  alive.add(child);
  child.once("close", () => alive.delete(child));
  return child;
}

export async function stop(child: ChildProcess, signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once("close", resolve));
  child.kill(signal);
  await ended;
}

/** A process and all that descends from it. */
function treeOf(pid: number): number[] {
  const childrenOf = new Map<number, number[]>();
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const parent = statFields(Number(name))?.[1];
    if (parent === undefined) continue;
    childrenOf.set(Number(parent), [...(childrenOf.get(Number(parent)) ?? []), Number(name)]);
  }
  const tree = [pid];
  for (const each of tree) tree.push(...(childrenOf.get(each) ?? []));
  return tree;
}

/** Fields of /proc/PID/stat from `state` on; the name before them may contain anything. */
function statFields(pid: number): string[] | null {
  try {
    return readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1)?.split(" ") ?? null;
  } catch {
    return null;
  }
}

/** `VmRSS` is what it holds now, `VmHWM` the most it ever held; of one process. */
export function residentBytes(pid: number, line: "VmRSS" | "VmHWM" = "VmRSS"): number {
  const match = new RegExp(`^${line}:\\s+(\\d+) kB`, "m").exec(readFileSync(`/proc/${pid}/status`, "utf8"));
  return Number(match?.[1]) * 1024;
}

/** What a process and all that descends from it hold; pages that they share count for each. */
export function residentBytesOfTree(pid: number): number {
  return treeOf(pid).reduce((sum, each) => sum + residentBytes(each), 0);
}

/**
 * CPU time of a process and its living descendants, from schedstat: nanoseconds, where the ticks of
 * /proc/PID/stat (a hundredth of a second) would show an idle daemon as nothing.
 */
export function cpuSecondsOfTree(pid: number): number {
  return treeOf(pid).reduce((sum, each) => sum + cpuSeconds(each), 0);
}

/** Of one process. */
export function cpuSeconds(pid: number): number {
  let nanoseconds = 0;
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    nanoseconds += Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "utf8").split(" ")[0]);
  }
  return nanoseconds / 1e9;
}
