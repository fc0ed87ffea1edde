import type { Job } from "@drover/shared/api/jobs.ts";
import type { JobSubmission } from "@drover/shared/domain/job.ts";
import type { Command } from "commander";
import { ExitCode } from "../exit-codes.ts";
import { printJson, tell, type Invocation, type Invoke } from "../invocation.ts";
import { parseJobFile, readJobFile } from "../job-file.ts";
import { Reconnector } from "../reconnector.ts";
import { printable } from "../render/printable.ts";
import { checkSubmission, submitJob } from "../submit-job.ts";
import { afterOption, type Dependencies } from "./after-option.ts";

export function registerSubmit(program: Command, invoke: Invoke): void {
  program
    .command("submit")
    .description("Submit the job that a file describes, and return at once.")
    .argument("<file>", "YAML or JSON; - for stdin")
    .addOption(afterOption())
    .action((file: string, { after = [] }: { after?: Dependencies }, command: Command) =>
      invoke(command, (invocation) => submitFile(invocation, file, after)),
    );
}

async function submitFile(invocation: Invocation, file: string, after: Dependencies): Promise<number> {
  const { shell } = invocation;
  const isStdin = file === "-";
  const text = isStdin ? await shell.readInput() : await readJobFile(file);
  const submission = withDependencies(parseJobFile(text, isStdin ? "stdin" : file), after);
  const reconnector = new Reconnector({ clock: shell.clock, tell: (sentence) => tell(shell, sentence) });
  await printSubmitted(invocation, await submitJob(invocation, submission, reconnector));
  return ExitCode.ok;
}

/** Those of the command line beside those of the file. */
function withDependencies(submission: JobSubmission, after: Dependencies): JobSubmission {
  if (after.length === 0) return submission;
  return checkSubmission({ ...submission, after: [...(submission.after ?? []), ...after] }, () => "--after");
}

/** What a job that nobody waits for is answered with. */
export async function printSubmitted(invocation: Invocation, job: Job): Promise<void> {
  if (invocation.asJson) return printJson(invocation, job);
  const name = job.name === null ? "" : ` "${printable(job.name)}"`;
  const tasks = job.taskCount === 1 ? "" : `, ${job.taskCount} tasks`;
  await invocation.shell.write(`job ${job.id}${name}${tasks}\n`);
  await invocation.shell.writeError(`Follow it: drover output ${job.id} -f\n`);
}
