import type { Job, JobDetail } from "@drover/shared/api/jobs.ts";
import type { DroverClient } from "@drover/shared/client/client.ts";
import { isDroverError } from "@drover/shared/errors.ts";
import type { Command } from "commander";
import { ExitCode } from "../exit-codes.ts";
import { followJob } from "../follow-job.ts";
import { followOutput } from "../follow-output.ts";
import { tell, type Invocation, type Invoke } from "../invocation.ts";
import { jsonLinesWriter, plainWriter, type OutputWriter } from "../output-writers.ts";
import { Reconnector } from "../reconnector.ts";
import { parsePositive, parseTaskIndex, parseTaskKey } from "./arguments.ts";

interface OutputOptions {
  task?: number;
  attempt?: number;
  follow?: true;
}

export function registerOutput(program: Command, invoke: Invoke): void {
  program
    .command("output")
    .description("Print what a job wrote: of an array every task, each line with the index of its task.")
    .argument("<id>", "the job's id, or a task as 12.3", parseTaskKey)
    .option("-t, --task <index>", "only this task, its bytes as they are", parseTaskIndex)
    .option("-a, --attempt <number>", "this attempt (else the latest; with -f all)", parsePositive)
    .option("-f, --follow", "go on until it has ended")
    .action((key: ReturnType<typeof parseTaskKey>, options: OutputOptions, command: Command) =>
      invoke(command, (invocation) => printOutput(invocation, key, options)),
    );
}

async function printOutput(
  invocation: Invocation,
  key: ReturnType<typeof parseTaskKey>,
  { task = key.taskIndex ?? undefined, attempt, follow }: OutputOptions,
): Promise<number> {
  const { client, shell, asJson } = invocation;
  const { jobId } = key;
  const job = await client.getJob(jobId, undefined, 1);
  const write = (bytes: Uint8Array | string): Promise<void> => shell.write(bytes);
  const writerFor = (taskIndex: number): OutputWriter => {
    if (asJson) return jsonLinesWriter(taskIndex, write);
    return task === undefined ? plainWriter(job, taskIndex, write) : { write, finish: () => Promise.resolve() };
  };

  if (!follow) {
    const indexes = task === undefined ? tasksWithOutput(client, job) : [task];
    for await (const taskIndex of indexes)
      await printTask(invocation, job, { taskIndex, attempt, isOneOfMany: task === undefined }, writerFor);
    return ExitCode.ok;
  }
  const reconnector = new Reconnector({ clock: shell.clock, tell: (sentence) => tell(shell, sentence) });
  const { signal } = new AbortController();
  if (task === undefined && attempt === undefined) {
    await followJob({ client, reconnector, job, writerFor, signal });
    return ExitCode.ok;
  }
  const taskIndex = task ?? 0;
  const writer = writerFor(taskIndex);
  await followOutput({ client, reconnector, jobId, taskIndex, attempt, write: (bytes) => writer.write(bytes), signal });
  await writer.finish();
  return ExitCode.ok;
}

/** A page of tasks at a time: of a hundred thousand that wrote nothing, none is asked for its output. */
async function* tasksWithOutput(client: DroverClient, { id, taskCount }: Job): AsyncGenerator<number> {
  // A single task is asked in any case: why it has no output is then the answer.
  if (taskCount === 1) yield 0;
  if (taskCount === 1) return;
  for (let from: number | null = 0; from !== null;) {
    const page: JobDetail = await client.getJob(id, from);
    for (const task of page.tasks) if (task.attempts.some((attempt) => attempt.outputBytes > 0)) yield task.index;
    from = page.nextTask;
  }
}

interface Wanted {
  taskIndex: number;
  attempt: number | undefined;
  isOneOfMany: boolean;
}

async function printTask(
  { client }: Invocation,
  job: Job,
  { taskIndex, attempt, isOneOfMany }: Wanted,
  writerFor: (taskIndex: number) => OutputWriter,
): Promise<void> {
  const writer = writerFor(taskIndex);
  try {
    const { bytes } = await client.readOutput(
      job.id,
      attempt === undefined ? { task: taskIndex } : { task: taskIndex, attempt },
    );
    for await (const piece of bytes) await writer.write(piece);
  } catch (error) {
    // In the middle of an array that has not started everywhere, a task without output is no news.
    const isNews = !(isOneOfMany && job.taskCount > 1 && isDroverError(error) && error.code === "output.notFound");
    if (isNews) throw error;
  }
  await writer.finish();
}
