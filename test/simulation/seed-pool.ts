import { fork, type ChildProcess } from "node:child_process";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import type { PlanLimits } from "./plan.ts";
import type { SeedsToRun } from "./seed-worker.ts";
import type { SimulationResult } from "./simulation.ts";

/** Few enough that no worker is left with much at the end, many enough that none waits for more. */
const SEEDS_AT_ONCE = 10;

export interface SeedPoolOptions {
  seeds: Iterable<number>;
  limits?: PlanLimits;
  workers?: number;
  /** Modules that each worker loads first, and what it finds in its environment. */
  imports?: readonly string[];
  env?: Readonly<Record<string, string>>;
  /** Says whether to go on. */
  onResult(result: SimulationResult): boolean;
}

/** Simulates seeds on all processors, in processes of their own: what one of them breaks is nobody else's. */
export async function runSeeds(options: SeedPoolOptions): Promise<void> {
  const { limits = {}, workers = availableParallelism(), imports = [], env = {} } = options;
  const seeds = options.seeds[Symbol.iterator]();
  let goesOn = true;

  const takeSeeds = (): number[] => {
    const taken: number[] = [];
    while (goesOn && taken.length < SEEDS_AT_ONCE) {
      const { value, done } = seeds.next();
      if (done === true) break;
      taken.push(value);
    }
    return taken;
  };

  function feed(child: ChildProcess): void {
    const next = takeSeeds();
    if (next.length === 0) child.kill();
    else child.send({ seeds: next, limits } satisfies SeedsToRun);
  }

  function work(): Promise<void> {
    const child = fork(join(import.meta.dirname, "seed-worker.ts"), {
      execArgv: imports.flatMap((module) => ["--import", module]),
      env: { ...process.env, ...env },
    });
    return new Promise((resolve, reject) => {
      child.on("message", (message: SimulationResult | "done") => {
        if (message === "done") return feed(child);
        if (goesOn) goesOn = options.onResult(message);
        if (!goesOn) child.kill();
      });
      child.once("error", reject);
      child.once("exit", (code, signal) => {
        if (signal === "SIGTERM" || code === 0) resolve();
        else reject(new Error(`a worker ended with ${signal ?? `exit code ${code}`}`));
      });
      feed(child);
    });
  }

  await Promise.all(Array.from({ length: workers }, work));
}
