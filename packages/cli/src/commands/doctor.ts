import { diagnosisLines, isUnhealthy } from "@drover/shared/domain/diagnosis.ts";
import type { Command } from "commander";
import { ExitCode } from "../exit-codes.ts";
import { printJson, type Invocation, type Invoke } from "../invocation.ts";
import { printable } from "../render/printable.ts";

export function registerDoctor(program: Command, invoke: Invoke): void {
  program
    .command("doctor")
    .description("Have a machine look at everything on it: what is wrong, what was seen, what to do about it.")
    .argument("<name-or-id>", "the node's name, or its id")
    .option(
      "--burn",
      "also load each GPU of a cordoned node that no task holds for ten seconds, by its agent's --burn-test",
    )
    .action((idOrName: string, { burn }: { burn?: true }, command: Command) =>
      invoke(command, (invocation) => diagnose(invocation, idOrName, burn === true)),
    );
}

async function diagnose(invocation: Invocation, idOrName: string, burn: boolean): Promise<number> {
  const { client, shell, asJson } = invocation;
  const diagnosis = await client.diagnose(idOrName, { burn });
  if (asJson) await printJson(invocation, diagnosis);
  else
    await shell.write(
      diagnosisLines(diagnosis)
        .map((line) => `${printable(line)}\n`)
        .join(""),
    );
  return isUnhealthy(diagnosis) ? ExitCode.jobFailed : ExitCode.ok;
}
