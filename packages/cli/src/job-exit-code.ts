import { constants } from "node:os";
import type { JobDetail, Task } from "@drover/shared/api/jobs.ts";
import type { DroverClient } from "@drover/shared/client/client.ts";
import { describeOutcome, type AttemptOutcome } from "@drover/shared/domain/attempt.ts";
import { ExitCode } from "./exit-codes.ts";
import { describeFailedDependency } from "./render/dependency.ts";

/** How a job that has ended is told to a shell: its exit code, and the failure in words. */
export interface JobEnd {
  exitCode: number;
  /** `null` where every task succeeded. */
  failure: string | null;
}

/** The exit code of the first task that failed, as a shell would say it. */
export async function jobEnd(client: DroverClient, job: JobDetail): Promise<JobEnd> {
  if (job.state === "succeeded") return { exitCode: ExitCode.ok, failure: null };
  const unmet = job.cancelRequested ? undefined : job.dependencies.find(({ standing }) => standing === "failed");
  if (unmet) {
    return { exitCode: ExitCode.jobFailed, failure: `job ${job.id} never ran: ${describeFailedDependency(unmet)}` };
  }
  const failed = job.state === "failed" ? await firstFailedTask(client, job.id) : null;
  const outcome = failed?.attempts.at(-1)?.outcome;
  if (!failed || !outcome) return { exitCode: ExitCode.jobFailed, failure: `job ${job.id} was ${job.state}` };
  const task = job.spec.arraySize === null ? "" : `task ${failed.index}: `;
  const more = job.tasksByState.failed > 1 ? ` (${job.tasksByState.failed} tasks failed in all)` : "";
  return { exitCode: exitCodeOf(outcome), failure: `job ${job.id} failed: ${task}${describeOutcome(outcome)}${more}` };
}

async function firstFailedTask(client: DroverClient, jobId: number): Promise<Task | null> {
  for (let fromTask: number | null = 0; fromTask !== null;) {
    const { tasks, nextTask } = await client.getJob(jobId, fromTask);
    const failed = tasks.find((task) => task.state === "failed");
    if (failed) return failed;
    fromTask = nextTask;
  }
  return null;
}

function exitCodeOf(outcome: AttemptOutcome): number {
  if (outcome.type === "exited") return outcome.code;
  if (outcome.type !== "signaled") return ExitCode.jobFailed;
  // POSIX shells tell a death by signal n as 128 + n.
  const signals: Readonly<Record<string, number>> = constants.signals;
  const number = signals[outcome.signal];
  return number === undefined ? ExitCode.jobFailed : 128 + number;
}
