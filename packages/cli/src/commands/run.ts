import type { Job, JobDetail } from "@drover/shared/api/jobs.ts";
import type { JobSubmission } from "@drover/shared/domain/job.ts";
import type { Command } from "commander";
import { ExitCode } from "../exit-codes.ts";
import { followJob } from "../follow-job.ts";
import { watchInterruptions } from "../interruption.ts";
import { printJson, tell, type Invocation, type Invoke } from "../invocation.ts";
import { jobEnd } from "../job-exit-code.ts";
import { plainWriter } from "../output-writers.ts";
import { Reconnector } from "../reconnector.ts";
import { checkSubmission, submitJob } from "../submit-job.ts";
import { noticeWaiting } from "../waiting-notice.ts";
import { afterOption, type Dependencies } from "./after-option.ts";
import { collectName, collectPair, parseAmount, parseNatural, parsePositive, parseWhole } from "./arguments.ts";
import { printSubmitted } from "./submit.ts";

interface RunOptions {
  cpus?: number;
  memory?: string;
  gpus?: number;
  gpuMemory?: string;
  gpuModel?: string[];
  model?: string[];
  array?: number;
  after?: Dependencies;
  priority?: number;
  name?: string;
  timeout?: string;
  retries?: number;
  env?: Record<string, string>;
  label?: Record<string, string>;
  workDir?: string;
  detach?: true;
}

export function registerRun(program: Command, invoke: Invoke): void {
  program
    .command("run")
    .description("Run a command as a job, print its output as it comes, and end with its exit code.")
    .argument("<command...>", "the program and its arguments, after --")
    .passThroughOptions()
    .option("-c, --cpus <count>", "CPUs of each task, such as 2 or 0.5 (else 1)", parseAmount)
    .option("-m, --memory <size>", "memory of each task, such as 64GiB (else 512MiB)")
    .option("-g, --gpus <count>", "GPUs of each task, or a share of one, such as 0.25", parseAmount)
    .option("--gpu-memory <size>", "a share of one GPU by its memory, such as 10GiB, in place of -g")
    .option("--gpu-model <name>", "acceptable GPUs, such as A100-80GB; may be repeated", collectName)
    .option("--model <name>", "a model that it reads, found by DROVER_MODEL_<NAME>; may be repeated", collectName)
    .option("--array <size>", "as this many tasks, told apart by DROVER_TASK_INDEX", parsePositive)
    .addOption(afterOption())
    .option("--priority <number>", "starts before what waits with a lower one (else 0)", parseWhole)
    .option("--name <name>", "what to call the job")
    .option("--timeout <duration>", "stop a task that runs longer, such as 90m")
    .option("--retries <count>", "further attempts of a task that fails", parseNatural)
    .option("--env <key=value>", "an environment variable of the tasks; may be repeated", collectPair)
    .option("--label <key=value>", "a label of the job; may be repeated", collectPair)
    .option("--work-dir <path>", "existing directory on the node (else an empty one for each attempt)")
    .option("-d, --detach", "submit and return, without waiting for output")
    .action((words: string[], options: RunOptions, command: Command) =>
      invoke(command, (invocation) => run(invocation, submissionOf(words, options), options.detach === true)),
    );
}

/** Where each field that can be wrong was typed. */
const OPTION_OF_FIELD: Readonly<Record<string, string>> = {
  "resources.cpus": "--cpus",
  "resources.memory": "--memory",
  "resources.gpus": "--gpus",
  "resources.gpuMemory": "--gpu-memory",
  "array.size": "--array",
  models: "--model",
  workDir: "--work-dir",
  labels: "--label",
};

function submissionOf(command: string[], options: RunOptions): JobSubmission {
  const {
    cpus,
    memory,
    gpus,
    gpuMemory,
    gpuModel,
    model,
    array,
    after,
    priority,
    name,
    timeout,
    retries,
    env,
    label,
    workDir,
  } = options;
  const which = gpuModel === undefined ? gpus : given({ count: gpus, model: gpuModel });
  const resources = given({ cpus, memory, gpus: which, gpuMemory });
  const submission = given({
    command,
    after,
    priority,
    name,
    timeout,
    retries,
    env,
    workDir,
    models: model,
    labels: label,
    resources: Object.keys(resources).length > 0 ? resources : undefined,
    array: array === undefined ? undefined : { size: array },
  });
  return checkSubmission(
    submission,
    (path) =>
      OPTION_OF_FIELD[path] ??
      (path === ""
        ? ""
        : `--${path
            .replace(/^labels\./, "label ")
            .replace(/^models\..*/, "model")
            .replace(/^env\./, "env ")
            .replace(/^after\..*/, "after")}`),
  );
}

/** Without the fields that nobody gave: an absent field and `undefined` are not the same to the API. */
function given(fields: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

async function run(invocation: Invocation, submission: JobSubmission, isDetached: boolean): Promise<number> {
  const { shell } = invocation;
  const reconnector = new Reconnector({ clock: shell.clock, tell: (sentence) => tell(shell, sentence) });
  const job = await submitJob(invocation, submission, reconnector);
  if (isDetached) {
    await printSubmitted(invocation, job);
    return ExitCode.ok;
  }
  if (shell.isInteractive) await tell(shell, `job ${job.id}`);
  return followToExitCode(invocation, job, reconnector);
}

/** Follows the job to its end, or as far as somebody at the terminal wants. */
async function followToExitCode(invocation: Invocation, job: Job, reconnector: Reconnector): Promise<number> {
  const { client, shell, asJson } = invocation;
  const leaving = new AbortController();
  const asked: { cancelation?: Promise<void> } = {};
  const interruptions = watchInterruptions(shell, job.id, (wish) => {
    // Whoever asks a second time for the end does not want to wait for the job's.
    if (wish === "detach" || asked.cancelation) return leaving.abort();
    asked.cancelation = cancel(invocation, job, reconnector, leaving);
    // Its failure is thrown below, where it is awaited; until then it is not unhandled, only not yet told.
    asked.cancelation.catch(() => {});
  });
  const stopNotice = noticeWaiting(shell, () => client.getJob(job.id, undefined, 1));

  // With --json stdout is for the machine alone; what the job writes is then for people.
  const write = async (bytes: Uint8Array | string): Promise<void> => {
    await interruptions.ready();
    await (asJson ? shell.writeError(bytes) : shell.write(bytes));
  };
  try {
    await followJob({
      client,
      reconnector,
      job,
      writerFor: (index) => plainWriter(job, index, write),
      signal: leaving.signal,
    });
    await interruptions.ready();
    await asked.cancelation;
    if (!leaving.signal.aborted)
      return await reportEnd(invocation, await reconnector.request(() => client.getJob(job.id)));
    if (asked.cancelation) return ExitCode.jobFailed;
    await tell(shell, `job ${job.id} goes on; follow it again with: drover output ${job.id} -f`);
    return ExitCode.ok;
  } finally {
    stopNotice();
    interruptions.stop();
  }
}

/** Asks for the end of the job, whose last output is then still followed. */
async function cancel(
  { client, shell }: Invocation,
  { id }: Job,
  reconnector: Reconnector,
  leaving: AbortController,
): Promise<void> {
  await tell(shell, `job ${id} is being canceled; once more to leave without waiting for its end`);
  try {
    await reconnector.request(() => client.cancelJob(id), leaving.signal);
  } catch (error) {
    leaving.abort();
    throw error;
  }
}

async function reportEnd(invocation: Invocation, ended: JobDetail): Promise<number> {
  if (invocation.asJson) await printJson(invocation, ended);
  const { exitCode, failure } = await jobEnd(invocation.client, ended);
  if (failure !== null) await tell(invocation.shell, failure);
  return exitCode;
}
