import type { Command } from "commander";
import { ExitCode } from "../exit-codes.ts";
import { printJson, type Invocation, type Invoke } from "../invocation.ts";
import { renderWhy } from "../render/why.ts";
import { parseJobId } from "./arguments.ts";

export function registerWhy(program: Command, invoke: Invoke): void {
  program
    .command("why")
    .description("Say why a job's tasks wait: what rules how many nodes out, and which node misses by the least.")
    .argument("<id>", "the job's id", parseJobId)
    .action((jobId: number, _options: object, command: Command) =>
      invoke(command, (invocation) => showWhy(invocation, jobId)),
    );
}

async function showWhy(invocation: Invocation, jobId: number): Promise<number> {
  const { client, shell, asJson } = invocation;
  const job = await client.getJob(jobId, undefined, 1);
  if (asJson) await printJson(invocation, job.waiting);
  else await shell.write(renderWhy(job));
  return ExitCode.ok;
}
