/**
 * `npm run simulate`: whole fleets under faults, one per seed.
 *
 *   npm run simulate -- --seeds 10000          fresh seeds; the range is printed
 *   npm run simulate -- --seeds 100 --from 7   these
 *   npm run simulate -- --seed 1255 --trace    one, with every line of what happens
 *   --nodes N, --tasks N                       instead of what the seed draws
 *   --storm powerCut,storeFull                 these faults only, and many of them
 */
import { randomInt } from "node:crypto";
import { parseArgs } from "node:util";
import { FAULT_KINDS, type FaultKind } from "./faults.ts";
import type { PlanLimits } from "./plan.ts";
import { runSeeds } from "./seed-pool.ts";
import { onOrphanedPromise } from "./world/orphaned-promises.ts";
import { Simulation, type SimulationResult } from "./simulation.ts";

const HOUR_MS = 3_600_000;
const SEED_LIMIT = 2 ** 32;
/** Further ones of the same run are most often the same fault again. */
const SHOWN_FAILURES = 5;

interface Totals {
  seeds: number;
  failures: number;
  steps: number;
  simulatedMs: number;
  starts: number;
  faults: number;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      seed: { type: "string" },
      seeds: { type: "string", default: "1000" },
      from: { type: "string" },
      trace: { type: "boolean", default: false },
      nodes: { type: "string" },
      tasks: { type: "string" },
      storm: { type: "string" },
      workers: { type: "string" },
    },
  });
  const limits: PlanLimits = {
    nodes: numberOf(values.nodes),
    tasks: numberOf(values.tasks),
    storm: values.storm?.split(",").map(faultKind),
  };
  if (values.seed !== undefined) return runOne(wholeNumber(values.seed), limits, values.trace);
  const from = numberOf(values.from) ?? randomInt(SEED_LIMIT);
  await runMany(from, wholeNumber(values.seeds), limits, numberOf(values.workers));
}

async function runOne(seed: number, limits: PlanLimits, isTraced: boolean): Promise<void> {
  const onLine = (line: string): void => void process.stdout.write(`${line}\n`);
  const simulation = new Simulation(seed, { ...limits, ...(isTraced && { onLine }) });
  onOrphanedPromise((error) => simulation.observer.onUncaught("a promise of nobody", error));
  const result = await simulation.run();
  if (result.violation) report(result, limits, !isTraced);
  else process.stdout.write(`seed ${seed}: every invariant held over ${result.steps} steps.\n`);
  process.exitCode = result.violation ? 1 : 0;
}

async function runMany(from: number, count: number, limits: PlanLimits, workers: number | undefined): Promise<void> {
  const startedAt = performance.now();
  process.stdout.write(`Seeds ${from} to ${(from + count - 1) % SEED_LIMIT}.\n`);
  const totals: Totals = { seeds: 0, failures: 0, steps: 0, simulatedMs: 0, starts: 0, faults: 0 };
  await runSeeds({
    seeds: Array.from({ length: count }, (_, index) => (from + index) % SEED_LIMIT),
    limits,
    ...(workers !== undefined && { workers }),
    onResult(result) {
      add(totals, result);
      if (result.violation && totals.failures <= SHOWN_FAILURES) report(result, limits, true);
      return true;
    },
  });
  const seconds = (performance.now() - startedAt) / 1000;
  process.stdout.write(
    `${totals.seeds} seeds, ${totals.failures} failed, in ${seconds.toFixed(1)} s: ` +
      `${(totals.seeds / seconds).toFixed(1)} seeds/s, ${(totals.simulatedMs / HOUR_MS / seconds).toFixed(2)} simulated hours/s; ` +
      `${perSeed(totals.faults, totals)} faults, ${perSeed(totals.starts, totals)} starts and ${perSeed(totals.steps, totals)} steps per seed\n`,
  );
  process.exitCode = totals.failures > 0 || totals.seeds < count ? 1 : 0;
}

function add(totals: Totals, result: SimulationResult): void {
  totals.seeds++;
  totals.steps += result.steps;
  totals.simulatedMs += result.simulatedMs;
  totals.starts += result.startCount;
  totals.faults += Object.values(result.faults).reduce((sum, count) => sum + count, 0);
  if (result.violation) totals.failures++;
}

function report({ seed, violation, lastLines }: SimulationResult, limits: PlanLimits, withLines: boolean): void {
  if (!violation) return;
  const when = `step ${violation.step}, ${(violation.atMs / 1000).toFixed(3)} s`;
  const lines = withLines ? [...lastLines.map((line) => `  ${line}`), ""] : [];
  process.stdout.write(
    `${[
      `FAILED seed ${seed}: ${violation.invariant} (${when}): ${violation.what}`,
      ...lines,
      `  npm run simulate -- --seed ${seed} --trace${wordsOf(limits)}`,
    ].join("\n")}\n`,
  );
}

function perSeed(amount: number, { seeds }: Totals): string {
  return (amount / Math.max(1, seeds)).toFixed(0);
}

function numberOf(text: string | undefined): number | undefined {
  return text === undefined ? undefined : wholeNumber(text);
}

/** A run of no seeds would pass. */
function wholeNumber(text: string): number {
  return /^\d+$/.test(text)
    ? Number(text)
    : refuse(`"${text}" is no whole number; see the head of test/simulation/run.ts`);
}

function faultKind(word: string): FaultKind {
  return (
    FAULT_KINDS.find((kind) => kind === word) ?? refuse(`"${word}" is no fault; there are ${FAULT_KINDS.join(", ")}`)
  );
}

function wordsOf({ nodes, tasks, storm }: PlanLimits): string {
  const options = { nodes, tasks, storm: storm?.join(",") };
  return Object.entries(options)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => ` --${name} ${value}`)
    .join("");
}

function refuse(why: string): never {
  process.stderr.write(`${why}\n`);
  process.exit(2);
}

await main();
