import { WHOLE_GPU_MILLI } from "@drover/shared/domain/resources.ts";
import type { DescribedNode } from "./described-node.ts";
import type { Rehearsal, RehearsedTask } from "./rehearse.ts";

export interface Measures {
  taskCount: number;
  neverStartedCount: number;
  /** From the first submission to the last end. */
  makespanMs: number;
  waitMeanMs: number;
  waitP50Ms: number;
  waitP95Ms: number;
  waitMaxMs: number;
  /** Of all GPUs over the makespan. */
  gpuAllocatedPercent: number;
  /** Of all GPUs, what was free while a task that asks for GPUs waited; of the time in which one did. */
  gpuFreeWhileWaitedForPercent: number;
  /** Of the users' slowdowns by Jain: 1 where all are the same, 1/n where one of n bears it all. */
  fairness: number;
  /** From each change on. */
  series: Point[];
}

export interface Point {
  atMs: number;
  gpuAllocatedPercent: number;
  /** Tasks that were submitted and have not started. */
  waitingCount: number;
}

/** What is shorter counts as this long: the slowdown of a task of a second says nothing. */
const SHORTEST_RUN_MS = 60_000;

export function measure(nodes: readonly DescribedNode[], { tasks, neverStarted }: Rehearsal): Measures {
  const waits = tasks.map(({ startMs, job }) => startMs - job.submitMs).toSorted((a, b) => a - b);
  const beginMs = tasks.reduce((least, { job }) => Math.min(least, job.submitMs), Number.POSITIVE_INFINITY);
  const endMs = tasks.reduce((most, task) => Math.max(most, task.endMs), 0);
  const capacityMilli = nodes.reduce((sum, { gpus }) => sum + gpus.length * WHOLE_GPU_MILLI, 0);
  const { series, heldMilliMs, freeMilliMs, waitedForMs } = follow(tasks, capacityMilli);
  const makespanMs = tasks.length === 0 ? 0 : endMs - beginMs;
  return {
    taskCount: tasks.length,
    neverStartedCount: neverStarted.length,
    makespanMs,
    waitMeanMs: meanOf(waits),
    waitP50Ms: quantile(waits, 0.5),
    waitP95Ms: quantile(waits, 0.95),
    waitMaxMs: waits.at(-1) ?? 0,
    gpuAllocatedPercent: percentOf(heldMilliMs, capacityMilli * makespanMs),
    gpuFreeWhileWaitedForPercent: percentOf(freeMilliMs, capacityMilli * waitedForMs),
    fairness: fairnessOf(tasks),
    series,
  };
}

interface Change {
  atMs: number;
  heldMilli: number;
  waiting: number;
  waitingForGpus: number;
}

/** Goes through all that changes, in the order of time. */
function follow(tasks: readonly RehearsedTask[], capacityMilli: number) {
  const changes: Change[] = tasks.flatMap(({ job, gpuMilli, startMs, endMs }) => {
    const forGpus = gpuMilli > 0 ? 1 : 0;
    return [
      { atMs: job.submitMs, heldMilli: 0, waiting: 1, waitingForGpus: forGpus },
      { atMs: startMs, heldMilli: gpuMilli, waiting: -1, waitingForGpus: -forGpus },
      { atMs: endMs, heldMilli: -gpuMilli, waiting: 0, waitingForGpus: 0 },
    ];
  });
  changes.sort((a, b) => a.atMs - b.atMs);
  const series: Point[] = [];
  const now = { heldMilli: 0, waiting: 0, waitingForGpus: 0 };
  const sums = { heldMilliMs: 0, freeMilliMs: 0, waitedForMs: 0 };
  for (const [index, change] of changes.entries()) {
    now.heldMilli += change.heldMilli;
    now.waiting += change.waiting;
    now.waitingForGpus += change.waitingForGpus;
    const forMs = (changes[index + 1]?.atMs ?? change.atMs) - change.atMs;
    if (forMs === 0 && index < changes.length - 1) continue;
    series.push({
      atMs: change.atMs,
      gpuAllocatedPercent: percentOf(now.heldMilli, capacityMilli),
      waitingCount: now.waiting,
    });
    sums.heldMilliMs += now.heldMilli * forMs;
    if (now.waitingForGpus === 0) continue;
    sums.freeMilliMs += (capacityMilli - now.heldMilli) * forMs;
    sums.waitedForMs += forMs;
  }
  return { series, ...sums };
}

/** Jain's index of the mean slowdown of each user. */
function fairnessOf(tasks: readonly RehearsedTask[]): number {
  const byUser = Map.groupBy(tasks, ({ job }) => job.user);
  const slowdowns = [...byUser.values()].map((own) =>
    meanOf(own.map(({ job, startMs, endMs }) => (endMs - job.submitMs) / Math.max(SHORTEST_RUN_MS, endMs - startMs))),
  );
  const squares = slowdowns.reduce((sum, slowdown) => sum + slowdown ** 2, 0);
  return squares === 0 ? 1 : slowdowns.reduce((sum, slowdown) => sum + slowdown, 0) ** 2 / (slowdowns.length * squares);
}

function meanOf(values: readonly number[]): number {
  return values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Of ascending values the smallest that so large a share does not exceed. */
function quantile(ascending: readonly number[], share: number): number {
  return ascending[Math.max(0, Math.ceil(ascending.length * share) - 1)] ?? 0;
}

function percentOf(part: number, whole: number): number {
  return whole === 0 ? 0 : (100 * part) / whole;
}
