/**
 * `npm run fuzz [-- --count N] [--seed N]`: reads N damaged outputs of the vendors' tools (default: a million). Prints
 * every input that a parser threw on or made something absurd of, and ends with 1 if there was one.
 */
import { parseArgs } from "node:util";
import { fuzzProbe } from "../../packages/agent/src/testing/fuzz-probe.ts";

const { values } = parseArgs({
  options: { count: { type: "string", default: "1000000" }, seed: { type: "string", default: "1" } },
});
const startedAtMs = performance.now();
const { count, slowestMs, failures } = fuzzProbe({
  count: Number(values.count),
  seed: Number(values.seed),
  nowMs: () => performance.now(),
});
for (const { file, input, problem } of failures) {
  process.stdout.write(`${file}: ${problem}\n${JSON.stringify(input.slice(0, 4000))}\n\n`);
}
const seconds = Math.round((performance.now() - startedAtMs) / 1000);
process.stdout.write(
  `${count} inputs in ${seconds} s, the slowest ${slowestMs.toFixed(1)} ms; ${failures.length} failed\n`,
);
process.exitCode = failures.length > 0 ? 1 : 0;
