import { fdatasyncSync, openSync, closeSync, writeSync } from "node:fs";
import { arch, availableParallelism, cpus, loadavg, release, totalmem } from "node:os";
import { join } from "node:path";
import { runLoad } from "./run-load.ts";

const SPAWNS = 1500;
const SYNCS = 500;
const SYNC_BYTES = 4096;

/** What the machine itself can do, measured in the same run: the figures are read against it. */
export interface Machine {
  cpu: string;
  cores: number;
  memoryBytes: number;
  kernel: string;
  architecture: string;
  node: string;
  /** Of the minute before: what else the machine was doing. */
  loadAverage: number;
  /** `spawn('/bin/true')` to its end, in a Node loop that does nothing else. */
  bareSpawnPerSecond: { oneAtATime: number; eightAtATime: number };
  /** The higher of the two. */
  bareRate: number;
  fdatasyncPerSecond: number;
}

export async function measureMachine(folder: string): Promise<Machine> {
  const loadAverage = loadavg()[0] ?? 0;
  const oneAtATime = await bareSpawnPerSecond(1);
  const eightAtATime = await bareSpawnPerSecond(8);
  return {
    cpu: cpus()[0]?.model.trim() ?? "unknown",
    cores: availableParallelism(),
    memoryBytes: totalmem(),
    kernel: release(),
    architecture: arch(),
    node: process.version,
    loadAverage,
    bareSpawnPerSecond: { oneAtATime, eightAtATime },
    bareRate: Math.max(oneAtATime, eightAtATime),
    fdatasyncPerSecond: fdatasyncPerSecond(folder),
  };
}

/** In a process of its own, so that this one's heap and handles cost nothing. */
async function bareSpawnPerSecond(atATime: number): Promise<number> {
  const { elapsedMs } = await runLoad<{ elapsedMs: number }>("bare-spawn.ts", { count: SPAWNS, atATime });
  return (SPAWNS / elapsedMs) * 1000;
}

function fdatasyncPerSecond(folder: string): number {
  const file = openSync(join(folder, "fdatasync"), "w");
  const bytes = Buffer.alloc(SYNC_BYTES, 1);
  const startedAt = performance.now();
  for (let i = 0; i < SYNCS; i++) {
    writeSync(file, bytes, 0, SYNC_BYTES, i * SYNC_BYTES);
    fdatasyncSync(file);
  }
  const elapsedMs = performance.now() - startedAt;
  closeSync(file);
  return (SYNCS / elapsedMs) * 1000;
}
