/** A process that simulates the seeds it is told to, one after the other; run.ts and mutants/run.ts start it. */
import type { PlanLimits } from "./plan.ts";
import { Simulation, type SimulationResult } from "./simulation.ts";
import { onOrphanedPromise } from "./world/orphaned-promises.ts";

export interface SeedsToRun {
  seeds: readonly number[];
  limits: PlanLimits;
}

let current: Simulation | null = null;

onOrphanedPromise((error) => current?.observer.onUncaught("a promise of nobody", error));

process.on("message", ({ seeds, limits }: SeedsToRun) => void runSeeds(seeds, limits));

async function runSeeds(seeds: readonly number[], limits: PlanLimits): Promise<void> {
  for (const seed of seeds) {
    current = new Simulation(seed, limits);
    const result: SimulationResult = await current.run();
    process.send?.(result);
  }
  process.send?.("done");
}
