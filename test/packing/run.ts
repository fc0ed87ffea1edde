/**
 * `npm run bench:packing -- --data DIR`: how well the scheduler packs GPUs, beside six published policies on the same
 * trace, and what its decisions cost. The trace is not part of this repository.
 *
 *   --data DIR    where the trace lies: openb_node_list_gpu_node.csv and openb_pod_list_*.csv
 *   --mix NAME    one of the mixes (repeatable); all of them without it
 *   --seeds N     mean of so many (10, as published)
 *
 * Every task goes through the coordinator's own core, submission and placement pass, one turn each.
 */
import { parseArgs } from "node:util";
import { formatBytes } from "@drover/shared/units.ts";
import { quantile } from "../bench/figure.ts";
import type { PassTime } from "./core-fleet.ts";
import { measureLargeFleet } from "./large-fleet.ts";
import { pack } from "./pack.ts";
import { POLICIES, PUBLISHED, type Figures } from "./published.ts";
import { PUBLISHED_AT, readTrace, type Trace } from "./trace.ts";

/** As published. */
const FIRST_SEED = 42;
const DEFAULT_SEEDS = 10;

function main(): number {
  const options = {
    data: { type: "string" },
    mix: { type: "string", multiple: true },
    seeds: { type: "string" },
  } as const;
  const { values } = parseArgs({ options });
  const trace = values.data === undefined ? null : readTrace(values.data);
  if (!trace) {
    process.stderr.write(
      `data not found${values.data === undefined ? "" : ` in ${values.data}`}, published at ${PUBLISHED_AT}; `,
    );
    process.stderr.write("say where it lies with --data DIR\n");
    return 2;
  }
  const mixes = values.mix ?? [...trace.mixes.keys()];
  const unknown = mixes.find((mix) => !trace.mixes.has(mix));
  if (unknown !== undefined) {
    process.stderr.write(`--mix ${unknown}: there is ${[...trace.mixes.keys()].join(", ")}\n`);
    return 2;
  }
  const seeds = Number(values.seeds ?? DEFAULT_SEEDS);
  process.stdout.write(`GPUs allocated in percent when 100 % / 130 % has arrived, mean of ${seeds} seeds\n\n`);
  const rows = mixes.map((mix) => measureMix(trace, mix, seeds));
  process.stdout.write(`${rows.map(({ text }) => text).join("\n")}\n`);
  describeLargeFleet();
  return rows.every(({ isAboveAll }) => isAboveAll) ? 0 : 1;
}

function measureMix(trace: Trace, mix: string, seeds: number): { text: string; isAboveAll: boolean } {
  const decisionMs: number[] = [];
  const mean = (knowsMix: boolean): Figures => {
    let [at100, at130] = [0, 0];
    for (let seed = FIRST_SEED; seed < FIRST_SEED + seeds; seed++) {
      const packing = pack(trace.nodes, trace.mixes.get(mix) ?? [], { seed, knowsMix });
      at100 += packing.allocatedAt100 / seeds;
      at130 += packing.allocatedAt130 / seeds;
      for (const ms of packing.decisionMs) decisionMs.push(ms);
    }
    return [at100, at130];
  };
  const known = mean(true);
  const learnt = mean(false);
  const published = (PUBLISHED[mix] ?? []).map((figures, index) => [POLICIES[index] ?? "", figures] as const);
  const lines = [
    ["Drover, mix known", known] as const,
    ["Drover, mix learnt", learnt] as const,
    ...published.toReversed(),
  ];
  const time = `one decision at ${trace.nodes.length} nodes: p50 ${quantile(decisionMs, 0.5).toFixed(2)} ms, p99 ${quantile(decisionMs, 0.99).toFixed(2)} ms`;
  const text = [mix, ...lines.map(([name, figures]) => `  ${name.padEnd(20)}${format(figures)}`), `  ${time}`].join(
    "\n",
  );
  process.stderr.write(`${mix} done\n`);
  const isAboveAll = published.every(([, [at100, at130]]) => known[0] > at100 && known[1] > at130);
  return { text, isAboveAll };
}

function format([at100, at130]: Figures): string {
  return `${at100.toFixed(2)} / ${at130.toFixed(2)}`;
}

function describeLargeFleet(): void {
  const large = measureLargeFleet();
  const lines = [
    `a full pass places ${large.placedCount}, ${large.allocatedPercent.toFixed(1)} % of the GPUs: ${formatTime(large.fullPass)}`,
    `a full pass that places nothing, because all is full: ${formatTime(large.blockedPass)}`,
    `a turn after one task has ended: p50 ${quantile(large.turnMs, 0.5).toFixed(2)} ms, p99 ${quantile(large.turnMs, 0.99).toFixed(2)} ms`,
    `all that the coordinator's core holds in memory: ${formatBytes(large.stateBytes)}`,
  ];
  process.stdout.write(`\n10,000 nodes of 8 GPUs, 100,000 waiting tasks of 500 shapes\n  ${lines.join("\n  ")}\n`);
}

function formatTime({ wallMs, threadMs }: PassTime): string {
  return `${wallMs.toFixed(0)} ms, of which this thread had ${threadMs.toFixed(0)} ms`;
}

process.exitCode = main();
