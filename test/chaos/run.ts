/**
 * `npm run chaos [-- --minutes 5] [--seed N] [--loopback] [--keep]`: a real coordinator and three real agents
 * while everything around them breaks. Exit code 1 where anything happened that must never happen. Logs, witness
 * and database are kept where it did, or with --keep.
 */
import { randomInt } from "node:crypto";
import { parseArgs } from "node:util";
import { runChaos } from "./chaos-run.ts";
import { renderReport } from "./report.ts";

const SEEDS = 2 ** 32;
const EXIT_INTERRUPTED = 130;

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "5" },
    seed: { type: "string", default: String(randomInt(SEEDS)) },
    loopback: { type: "boolean", default: false },
    keep: { type: "boolean", default: false },
  },
});
const seed = Number(values.seed);
const durationMs = Number(values.minutes) * 60_000;
if (!Number.isSafeInteger(seed) || seed < 0 || seed >= SEEDS || !(durationMs > 0)) {
  process.stderr.write("usage: npm run chaos -- [--minutes 5] [--seed 0..4294967295] [--loopback] [--keep]\n");
  process.exit(2);
}

const interrupted = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, () => {
    // A second time: at once. What is there is cleaned up by a process of its own.
    if (interrupted.signal.aborted) process.exit(EXIT_INTERRUPTED);
    interrupted.abort();
  });
}

process.stdout.write(`seed ${seed}: npm run chaos -- --minutes ${values.minutes} --seed ${seed}\n`);
try {
  const report = await runChaos({
    seed,
    durationMs,
    onLoopback: values.loopback,
    keepsEvidence: values.keep,
    interrupted: interrupted.signal,
    say: (line) => process.stdout.write(`${line}\n`),
  });
  process.stdout.write(`\n${renderReport(report)}\n`);
  process.exitCode = report.violations.length === 0 ? 0 : 1;
} catch (error) {
  if (!interrupted.signal.aborted) throw error;
  process.stdout.write("interrupted, and cleaned up\n");
  process.exitCode = EXIT_INTERRUPTED;
}
