/**
 * `npm run bench`: the figures that we promise, measured with real daemons in their bundled form, beside
 * what the machine itself can do.
 *
 *   npm run bench                     all of them, a few minutes
 *   npm run bench -- --only latency   one of them (repeatable)
 *
 * Prints a table, and writes test/bench/results/TIME.json.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { formatBytes } from "@drover/shared/units.ts";
import type { Figure, Measurement } from "./figure.ts";
import { arrayTasks } from "./figures/array-tasks.ts";
import { dependencies } from "./figures/dependencies.ts";
import { fullQueue } from "./figures/full-queue.ts";
import { gpuWatch } from "./figures/gpu-watch.ts";
import { idleAgent } from "./figures/idle-agent.ts";
import { jobsOneByOne } from "./figures/jobs-one-by-one.ts";
import { modelKills } from "./figures/model-kills.ts";
import { modelPull } from "./figures/model-pull.ts";
import { output } from "./figures/output.ts";
import { startLatency } from "./figures/start-latency.ts";
import { submissions } from "./figures/submissions.ts";
import { openWorkshop } from "./fleet.ts";
import { measureMachine, type Machine } from "./machine.ts";

const FIGURES: readonly Figure[] = [
  jobsOneByOne,
  arrayTasks,
  startLatency,
  submissions,
  output,
  idleAgent,
  gpuWatch,
  fullQueue,
  dependencies,
  modelPull,
  modelKills,
];

/** Above this the machine does something else too. */
const BUSY_LOAD = 0.5;

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { only: { type: "string", multiple: true, default: [] } } });
  const unknown = values.only.find((name) => !FIGURES.some((figure) => figure.name === name));
  if (unknown !== undefined) {
    process.stderr.write(`--only ${unknown}: there is ${FIGURES.map((figure) => figure.name).join(", ")}\n`);
    process.exitCode = 2;
    return;
  }
  const chosen = FIGURES.filter((figure) => values.only.length === 0 || values.only.includes(figure.name));

  const workshop = await openWorkshop();
  const machine = await measureMachine(workshop.newFolder("machine"));
  process.stdout.write(`${describe(machine)}\n\n`);

  const measurements: Measurement[] = [];
  for (const figure of chosen) {
    const found = await figure.measure(workshop, machine).catch((error: unknown) => [failed(figure, error)]);
    for (const measurement of found) {
      measurements.push(measurement);
      process.stdout.write(`${measurement.met ? "met   " : "MISSED"} ${measurement.figure}: ${measurement.measured}\n`);
    }
  }
  workshop.close();
  process.stdout.write(`\n${table(measurements)}\n\n${save(machine, measurements)}\n`);
  process.exitCode = measurements.every((measurement) => measurement.met) ? 0 : 1;
}

function failed(figure: Figure, error: unknown): Measurement {
  const message = error instanceof Error ? error.message : String(error);
  return { figure: figure.name, measured: `failed: ${message}`, target: "", met: false, details: { error: message } };
}

function describe(machine: Machine): string {
  const { oneAtATime, eightAtATime } = machine.bareSpawnPerSecond;
  return [
    `${machine.cpu}, ${machine.cores} cores, ${formatBytes(machine.memoryBytes)}, Linux ${machine.kernel}, Node ${machine.node}`,
    `bare spawn('/bin/true'): ${oneAtATime.toFixed(0)}/s one at a time, ${eightAtATime.toFixed(0)}/s eight at a time`,
    `fdatasync of 4 KiB: ${machine.fdatasyncPerSecond.toFixed(0)}/s`,
    ...(machine.loadAverage > BUSY_LOAD
      ? [`The machine is busy (load ${machine.loadAverage.toFixed(1)} before the start): the figures are too low.`]
      : []),
  ].join("\n");
}

function table(measurements: readonly Measurement[]): string {
  const rows = [
    ["figure", "measured", "target", "verdict"],
    ...measurements.map(({ figure, measured, target, met }) => [figure, measured, target, met ? "met" : "MISSED"]),
  ];
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? [];
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join(" | ")
        .trimEnd(),
    )
    .join("\n");
}

/** Returns where it lies. */
function save(machine: Machine, measurements: readonly Measurement[]): string {
  const measuredAt = new Date().toISOString();
  const folder = join(import.meta.dirname, "results");
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `${measuredAt.replaceAll(":", "-")}.json`);
  writeFileSync(file, `${JSON.stringify({ measuredAt, machine, measurements }, null, 2)}\n`);
  return file;
}

await main();
