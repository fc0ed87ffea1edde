import type { JobFilter } from "@drover/shared/client/client.ts";
import { JobState } from "@drover/shared/domain/job.ts";
import { Option, type Command } from "commander";
import { ExitCode } from "../exit-codes.ts";
import { printJson, type Invocation, type Invoke } from "../invocation.ts";
import { renderJobs } from "../render/job.ts";
import { parsePositive } from "./arguments.ts";

interface JobsOptions {
  state?: JobState;
  name?: string;
  label?: string;
  limit: number;
}

const DEFAULT_LIMIT = 20;

export function registerJobs(program: Command, invoke: Invoke): void {
  program
    .command("jobs")
    .description("List jobs, the newest first.")
    .addOption(new Option("--state <state>", "only jobs in this state").choices(Object.values(JobState)))
    .option("--name <name>", "only jobs of exactly this name")
    .option("--label <key[=value]>", "only jobs with this label")
    .option("--limit <count>", "at most this many", parsePositive, DEFAULT_LIMIT)
    .action((options: JobsOptions, command: Command) => invoke(command, (invocation) => listJobs(invocation, options)));
}

async function listJobs(invocation: Invocation, { state, name, label, limit }: JobsOptions): Promise<number> {
  const { client, shell, asJson } = invocation;
  const filter: JobFilter = { limit };
  if (state !== undefined) filter.state = state;
  if (name !== undefined) filter.name = name;
  if (label !== undefined) filter.label = label;
  const list = await client.listJobs(filter);
  if (asJson) await printJson(invocation, list);
  else if (list.jobs.length === 0) await shell.writeError("No job is like that.\n");
  else {
    await shell.write(renderJobs(list.jobs, { nowMs: shell.clock.nowMs(), width: shell.columns }));
    if (list.nextCursor !== null) await shell.writeError(`There are more: --limit ${limit * 2}.\n`);
  }
  return ExitCode.ok;
}
