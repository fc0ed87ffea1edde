import type { Attempt, JobDetail, Task } from "@drover/shared/api/jobs.ts";
import type { DroverClient } from "@drover/shared/client/client.ts";
import type { Execution, ObservedNode, ObservedOutput, ObservedTask } from "../invariants/observation.ts";
import { KEY_LABEL, taskName, type Book } from "./book.ts";
import type { ChaosFleet } from "./fleet/chaos-fleet.ts";
import { AGENT_NAMES } from "./plan/fault.ts";
import type { RunRecord } from "./verdict.ts";
import type { PlannedJob } from "./workload/jobs.ts";
import { outputOf, type WitnessedExecution, type WitnessRecord } from "./workload/witness.ts";

export interface Sources {
  fleet: ChaosFleet;
  book: Book;
  witness: WitnessRecord;
  submitted: ReadonlyMap<string, PlannedJob>;
  leftoverProcesses: readonly string[];
}

export interface Collected {
  record: RunRecord;
  tasks: readonly Task[];
}

/** Asks the coordinator for everything, and lays it beside what the tasks themselves wrote down. */
export async function collect(sources: Sources): Promise<Collected> {
  const { fleet, book, witness } = sources;
  const jobs = await readAllJobs(fleet.client);
  for (const job of jobs) book.see(job, book.life);
  const observed: ObservedTask[] = [];
  for (const job of jobs) for (const task of job.tasks) observed.push(await observeTask(sources, job, task));
  const tasks = jobs.flatMap((job) => job.tasks);
  const attempts = tasks.flatMap((task) => task.attempts);
  const jobsById = new Map<number, JobDetail>(jobs.map((job) => [job.id, job]));
  return {
    tasks,
    record: {
      acknowledgements: book.acknowledged.map(({ key, jobId }) => ({ idempotencyKey: key, jobId })),
      jobs: jobs.map(({ id, labels }) => ({ id, idempotencyKey: labels[KEY_LABEL] ?? null })),
      tasks: observed,
      nodes: await observeNodes(fleet),
      contentions: witness.contentions,
      forgottenAttemptIds: book.forgottenAttemptIds,
      startedAttemptIds: witness.executions.map(({ attemptId }) => attemptId),
      knownAttemptIds: new Set(attempts.map(({ id }) => id)),
      succeededAttemptIds: attempts.filter(hasSucceeded).map(({ id }) => id),
      finishedAttemptIds: new Set(
        witness.executions.filter(({ endedByItself }) => endedByItself).map(({ attemptId }) => attemptId),
      ),
      cancels: book.canceledJobs.map(({ jobId }) => ({
        jobId,
        isKnown: jobsById.get(jobId)?.cancelRequested === true,
      })),
      leftoverProcesses: sources.leftoverProcesses,
      noticed: book.violations,
    },
  };
}

async function readAllJobs(client: DroverClient): Promise<JobDetail[]> {
  const jobs: JobDetail[] = [];
  let cursor: string | null | undefined;
  do {
    const page = await client.listJobs({ limit: 200, ...(cursor ? { cursor } : {}) });
    for (const { id } of page.jobs) jobs.push(await client.getJob(id));
    cursor = page.nextCursor;
  } while (cursor !== null);
  return jobs;
}

async function observeTask(sources: Sources, job: JobDetail, task: Task): Promise<ObservedTask> {
  const { book, witness, submitted, fleet } = sources;
  const key = job.labels[KEY_LABEL] ?? "";
  const known = new Set(task.attempts.map(({ id }) => id));
  const executions = witness.executions.filter(({ attemptId }) => known.has(attemptId));
  const lineBytes = submitted.get(key)?.lineBytes ?? 0;
  const outputs: ObservedOutput[] = [];
  for (const attempt of task.attempts) {
    const stored = await readOutput(fleet.client, job.id, task.index, attempt.number);
    const execution = executions.find(({ attemptId }) => attemptId === attempt.id);
    outputs.push(observeOutput(attempt, stored, execution, lineBytes));
  }
  return {
    jobId: job.id,
    index: task.index,
    states: book.statesOf(taskName(key, task.index)),
    waitingReasons: task.waitingReason ? [task.waitingReason.code] : [],
    executions: executions.map(observeExecution),
    outputs,
  };
}

function observeExecution({ attemptId, nodeName, startedAtMs, endedAtMs }: WitnessedExecution): Execution {
  return { attemptId, nodeName, startedAtMs, endedAtMs };
}

/** A line that was written and not yet counted when its writer was killed may be there, and need not. */
function observeOutput(
  attempt: Attempt,
  stored: string,
  execution: WitnessedExecution | undefined,
  lineBytes: number,
): ObservedOutput {
  const counted = outputOf(attempt.id, execution?.lineCount ?? 0, lineBytes);
  const mayHaveMore = execution !== undefined && !execution.endedByItself && stored.length > counted.length;
  return {
    attemptId: attempt.id,
    written: mayHaveMore ? outputOf(attempt.id, execution.lineCount + 1, lineBytes) : counted,
    stored,
    isComplete: attempt.state === "ended" && wasSeenThrough(attempt),
  };
}

/**
 * The node itself told the end, and so all of the output. Otherwise the coordinator gave it up, or its supervisor
 * was killed; and after a restore an agent may be asked to stop what it has long forgotten, and says "canceled".
 */
function wasSeenThrough({ usage, outcome }: Attempt): boolean {
  return usage !== null || (outcome?.type !== "nodeLost" && outcome?.type !== "canceled");
}

async function readOutput(client: DroverClient, jobId: number, task: number, attempt: number): Promise<string> {
  const { bytes } = await client.readOutput(jobId, { task, attempt });
  const chunks: Uint8Array[] = [];
  for await (const chunk of bytes) chunks.push(chunk);
  return Buffer.concat(chunks).toString("latin1");
}

async function observeNodes(fleet: ChaosFleet): Promise<ObservedNode[]> {
  const nodes: ObservedNode[] = [];
  for (const name of AGENT_NAMES) {
    const { capacity, allocated, attempts } = await fleet.client.getNode(name);
    nodes.push({
      name,
      capacity,
      allocations: [{ attemptId: "all of them", ...allocated }],
      settled: { desiredAttemptIds: attempts, heldAttemptIds: fleet.spoolOf(name) },
    });
  }
  return nodes;
}

function hasSucceeded({ outcome }: Attempt): boolean {
  return outcome?.type === "exited" && outcome.code === 0;
}
