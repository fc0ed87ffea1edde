import type { Command } from "commander";
import { ExitCode } from "../exit-codes.ts";
import { printJson, type Invocation, type Invoke } from "../invocation.ts";
import { renderJob } from "../render/job.ts";
import { parseJobId, parseTaskIndex } from "./arguments.ts";

export function registerJob(program: Command, invoke: Invoke): void {
  program
    .command("job")
    .description("Show a job, its tasks with their attempts, and why what waits does so.")
    .argument("<id>", "the job's id", parseJobId)
    .option("--from <task>", "the tasks from this index on, where a job has more than one page", parseTaskIndex)
    .action((jobId: number, options: { from?: number }, command: Command) =>
      invoke(command, (invocation) => showJob(invocation, jobId, options.from)),
    );
}

async function showJob(invocation: Invocation, jobId: number, fromTask: number | undefined): Promise<number> {
  const { client, shell, asJson } = invocation;
  const job = await client.getJob(jobId, fromTask);
  if (asJson) await printJson(invocation, job);
  else await shell.write(renderJob(job, { nowMs: shell.clock.nowMs(), width: shell.columns }));
  return ExitCode.ok;
}
