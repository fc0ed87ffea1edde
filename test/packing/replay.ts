/**
 * `npm run bench:replay -- --data DIR`: a published production trace (trace.ts) with its own times of arrival and of
 * running, on half of its nodes: how long tasks wait, beside first come first served, the same with backfill, and
 * shortest first. The trace is not part of this repository.
 *
 *   --data DIR      where the trace lies: openb_node_list_gpu_node.csv and openb_pod_list_*.csv
 *   --mix NAME      which of its mixes (default)
 *   --share N       so much of the nodes, evenly picked (0.5)
 *   --squeeze N     so many times as fast do tasks arrive, and run as long as ever (repeatable; 1 and 4000)
 *   --timeouts N    timeouts are drawn from the run time to N times that (1); 0: there are none
 *
 * Half of the nodes are far too many for the trace at its own pace: it holds a sample of what ran there. So that
 * something waits, it is replayed with squeezed arrivals, too. Exits with 1 where at its own pace ours waits longer on the
 * mean than the best of the others, or at the longest more than 1.2 times as long as first come first served.
 */
import { parseArgs } from "node:util";
import { POLICIES, type PolicyName } from "@drover/coordinator/core/scheduler/policy.ts";
import { measure, type Measures } from "@drover/coordinator/rehearsal/measure.ts";
import { rehearse, type RehearsedJob } from "@drover/coordinator/rehearsal/rehearse.ts";
import { Random } from "../simulation/world/random.ts";
import { describe } from "./core-fleet.ts";
import { PUBLISHED_AT, readTimedTasks, readTrace, type TimedTask } from "./trace.ts";

const LONGEST_WAIT_RATIO = 1.2;
const SEED = 42;
const DEFAULT_SQUEEZES = ["1", "4000"];

interface Wishes {
  mix: string;
  share: number;
  timeouts: number;
}

function main(): number {
  const options = {
    data: { type: "string" },
    mix: { type: "string", default: "default" },
    share: { type: "string", default: "0.5" },
    squeeze: { type: "string", multiple: true },
    timeouts: { type: "string", default: "1" },
  } as const;
  const { values } = parseArgs({ options });
  const trace = values.data === undefined ? null : readTrace(values.data);
  const tasks = values.data === undefined ? null : readTimedTasks(values.data, values.mix);
  if (!trace || !tasks) {
    process.stderr.write(`no such data in ${values.data ?? "--data DIR"}; it is published at ${PUBLISHED_AT}\n`);
    return 2;
  }
  const wishes: Wishes = { mix: values.mix, share: Number(values.share), timeouts: Number(values.timeouts) };
  const nodes = everyNth(trace.nodes, wishes.share).map(describe);
  const gpuCount = nodes.reduce((sum, { gpus }) => sum + gpus.length, 0);
  process.stdout.write(`${values.mix}: ${tasks.length} tasks on ${nodes.length} nodes, ${gpuCount} GPUs\n`);
  const verdicts = (values.squeeze ?? DEFAULT_SQUEEZES).map((squeeze) => {
    const jobs = jobsOf(tasks, Number(squeeze), wishes.timeouts);
    const names = Object.keys(POLICIES) as PolicyName[];
    const byPolicy = new Map(names.map((name) => [name, measure(nodes, rehearse(nodes, jobs, POLICIES[name]))]));
    process.stdout.write(`\narrivals ${squeeze} times as fast; waits in seconds\n${table(byPolicy)}`);
    return Number(squeeze) !== 1 || isGood(byPolicy);
  });
  return verdicts.every(Boolean) ? 0 : 1;
}

/** So many of them, as evenly as they come. */
function everyNth<T>(items: readonly T[], share: number): T[] {
  return items.filter((_, index) => Math.floor((index + 1) * share) > Math.floor(index * share));
}

/** What was there before the first day of arrivals comes with it: it is what ran already when the trace begins. */
function jobsOf(tasks: readonly TimedTask[], squeeze: number, timeouts: number): RehearsedJob[] {
  const random = new Random(SEED);
  const arrivals = tasks.map(({ arrivesMs }) => arrivesMs).toSorted((a, b) => a - b);
  const beginMs = arrivals[Math.floor(arrivals.length / 100)] ?? 0;
  const jobs = tasks.map(({ spec, arrivesMs, runMs }) => {
    const timeoutMs = timeouts === 0 ? null : Math.ceil(runMs * (1 + random.fraction() * (timeouts - 1)));
    return {
      spec: { ...spec, timeoutMs },
      user: "trace",
      submitMs: Math.round(Math.max(0, arrivesMs - beginMs) / squeeze),
      runMs,
    };
  });
  return jobs.toSorted((a, b) => a.submitMs - b.submitMs);
}

function table(byPolicy: ReadonlyMap<PolicyName, Measures>): string {
  const seconds = (ms: number): string => (ms / 1000).toFixed(1).padStart(10);
  const lines = [...byPolicy].map(
    ([name, { waitMeanMs, waitP95Ms, waitMaxMs, gpuAllocatedPercent }]) =>
      `  ${name.padEnd(16)}${seconds(waitMeanMs)}${seconds(waitP95Ms)}${seconds(waitMaxMs)}${gpuAllocatedPercent.toFixed(2).padStart(10)} %\n`,
  );
  return `  ${"".padEnd(16)}${["mean", "p95", "longest"].map((title) => title.padStart(10)).join("")} GPUs held\n${lines.join("")}`;
}

function isGood(byPolicy: ReadonlyMap<PolicyName, Measures>): boolean {
  const { drover, ...others } = Object.fromEntries(byPolicy) as Record<PolicyName, Measures>;
  const bestMeanMs = Math.min(...Object.values(others).map(({ waitMeanMs }) => waitMeanMs));
  return drover.waitMeanMs <= bestMeanMs && drover.waitMaxMs <= LONGEST_WAIT_RATIO * others.fifo.waitMaxMs;
}

process.exitCode = main();
