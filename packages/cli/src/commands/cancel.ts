import { isTerminalJobState } from "@drover/shared/domain/job.ts";
import type { Command } from "commander";
import { ExitCode } from "../exit-codes.ts";
import { printJson, type Invocation, type Invoke } from "../invocation.ts";
import { parseJobId } from "./arguments.ts";

export function registerCancel(program: Command, invoke: Invoke): void {
  program
    .command("cancel")
    .description("Stop a job's tasks. A job that has ended stays as it is.")
    .argument("<id>", "the job's id", parseJobId)
    .action((jobId: number, _options: object, command: Command) =>
      invoke(command, (invocation) => cancelJob(invocation, jobId)),
    );
}

async function cancelJob(invocation: Invocation, jobId: number): Promise<number> {
  const { client, shell, asJson } = invocation;
  const before = await client.getJob(jobId, undefined, 1);
  const job = await client.cancelJob(jobId);
  if (asJson) await printJson(invocation, job);
  else if (isTerminalJobState(before.state)) await shell.write(`job ${job.id} had already ended: ${job.state}\n`);
  else if (isTerminalJobState(job.state)) await shell.write(`job ${job.id} ${job.state}\n`);
  else await shell.write(`job ${job.id} is being canceled\n`);
  return ExitCode.ok;
}
