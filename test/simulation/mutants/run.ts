/**
 * `npm run mutants`: plants each bug of mutants.ts into the product and counts the seeds until the simulator finds it.
 *
 *   npm run mutants -- --seeds 2000 --from 1 --only lease
 */
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { runSeeds } from "../seed-pool.ts";
import type { SimulationResult } from "../simulation.ts";
import { MUTANTS, type Mutant } from "./mutants.ts";

interface Verdict {
  mutant: Mutant;
  seedsTaken: number;
  caught: SimulationResult | null;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      seeds: { type: "string", default: "2000" },
      from: { type: "string", default: "1" },
      only: { type: "string", default: "" },
    },
  });
  const from = Number(values.from);
  const seeds = Array.from({ length: Number(values.seeds) }, (_, index) => from + index);
  const waiting = MUTANTS.filter(({ name }) => name.includes(values.only));
  const verdicts: Verdict[] = [];

  async function work(): Promise<void> {
    for (let mutant = waiting.shift(); mutant; mutant = waiting.shift()) {
      const verdict = await judge(mutant, seeds);
      verdicts.push(verdict);
      process.stdout.write(`${lineOf(verdict)}\n`);
    }
  }
  await Promise.all(Array.from({ length: availableParallelism() }, work));

  const caught = verdicts.filter((verdict) => verdict.caught);
  process.stdout.write(`${caught.length} of ${verdicts.length} mutants caught within ${seeds.length} seeds\n`);
  process.exitCode = caught.length === verdicts.length && verdicts.length > 0 ? 0 : 1;
}

async function judge(mutant: Mutant, seeds: readonly number[]): Promise<Verdict> {
  const verdict: Verdict = { mutant, seedsTaken: 0, caught: null };
  await runSeeds({
    seeds,
    limits: { storm: mutant.storm },
    workers: 1,
    imports: [join(import.meta.dirname, "mutate.ts")],
    env: { DROVER_MUTANT: mutant.name },
    onResult(result) {
      verdict.seedsTaken++;
      if (result.violation) verdict.caught = result;
      return verdict.caught === null;
    },
  });
  if (verdict.caught) await mustHoldUnchanged(mutant, verdict.caught.seed);
  return verdict;
}

/** A seed that the product itself fails says nothing about the mutant. */
async function mustHoldUnchanged({ storm }: Mutant, seed: number): Promise<void> {
  await runSeeds({
    seeds: [seed],
    limits: { storm },
    workers: 1,
    onResult({ violation }) {
      if (violation)
        throw new Error(`seed ${seed} fails without any mutant: ${violation.invariant}: ${violation.what}`);
      return true;
    },
  });
}

function lineOf({ mutant, seedsTaken, caught }: Verdict): string {
  const violation = caught?.violation;
  return violation
    ? `caught after ${String(seedsTaken).padStart(4)} seeds by ${violation.invariant.padEnd(24)} ${mutant.name}`
    : `NOT CAUGHT in ${seedsTaken} seeds: ${mutant.name}`;
}

await main();
