import { createClient, DEFAULT_COORDINATOR_URL } from "@drover/shared/client/client.ts";
import { isDroverError } from "@drover/shared/errors.ts";
import { DROVER_VERSION } from "@drover/shared/version.ts";
import { Command, CommanderError, Option } from "commander";
import { registerAudit } from "./commands/audit.ts";
import { registerCancel } from "./commands/cancel.ts";
import { registerDoctor } from "./commands/doctor.ts";
import { registerGpu } from "./commands/gpu.ts";
import { registerInvite } from "./commands/invite.ts";
import { registerJob } from "./commands/job.ts";
import { registerJobs } from "./commands/jobs.ts";
import { registerModel, registerModels } from "./commands/models.ts";
import { registerNode } from "./commands/node.ts";
import { registerNodes } from "./commands/nodes.ts";
import { registerOutput } from "./commands/output.ts";
import { registerRun } from "./commands/run.ts";
import { registerSimulate } from "./commands/simulate.ts";
import { registerSite, registerSites } from "./commands/sites.ts";
import { registerSubmit } from "./commands/submit.ts";
import { registerWhy } from "./commands/why.ts";
import { registerTail } from "./commands/tail.ts";
import { registerToken } from "./commands/token.ts";
import { registerUpgrade } from "./commands/upgrade.ts";
import { tokenSource } from "./credentials.ts";
import { ExitCode, exitCodeForError } from "./exit-codes.ts";
import type { Invoke } from "./invocation.ts";
import { tell } from "./invocation.ts";
import { createProcessShell, type Shell } from "./shell.ts";
import { trustCoordinator } from "./trust.ts";
import { UsageError } from "./usage-error.ts";

/** The process `drover`. */
export async function main(): Promise<void> {
  // A reader that has seen enough (`drover jobs | head -1`) is no error, and nobody is left to tell.
  process.stdout.on("error", (error: NodeJS.ErrnoException) => process.exit(error.code === "EPIPE" ? ExitCode.ok : 1));
  const exitCode = await runDrover(process.argv.slice(2), createProcessShell());
  // Not process.exitCode: a line that stdin may still bring, or a socket kept for reuse, must not hold us.
  process.exit(exitCode);
}

/** Carries out one command line; resolves to the exit code and never rejects. */
export async function runDrover(words: readonly string[], shell: Shell): Promise<number> {
  let exitCode: number = ExitCode.ok;
  const program = createProgram(shell, (code) => (exitCode = code));
  try {
    await program.parseAsync(words, { from: "user" });
    return exitCode;
  } catch (error) {
    // Commander has said what is wrong by itself; asking for help or the version is not wrong.
    if (error instanceof CommanderError) return error.exitCode === 0 ? ExitCode.ok : ExitCode.usage;
    if (error instanceof UsageError) {
      await tell(shell, error.message);
      return ExitCode.usage;
    }
    await tell(shell, sentenceFor(error));
    return exitCodeForError(error);
  }
}

function createProgram(shell: Shell, keepExitCode: (code: number) => void): Command {
  const program = new Command("drover")
    .description("Runs work on the machines of the fleet.")
    .version(DROVER_VERSION)
    // So that the words after `drover run python` are Python's, whatever they are called.
    .enablePositionalOptions()
    .exitOverride()
    .configureOutput({ writeOut: (text) => void shell.write(text), writeErr: (text) => void shell.writeError(text) });

  const invoke: Invoke = async (command, carryOut) => {
    const options = command.optsWithGlobals<{ coordinator?: string; json?: true }>();
    const url = coordinatorUrl(options.coordinator, shell);
    await trustCoordinator(url, shell);
    const client = createClient(url, { token: tokenSource(url, shell) });
    keepExitCode(await carryOut({ client, shell, asJson: options.json === true }));
  };
  const registrations = [
    registerRun,
    registerSubmit,
    registerJobs,
    registerJob,
    registerWhy,
    registerOutput,
    registerCancel,
    registerNodes,
    registerNode,
    registerModels,
    registerModel,
    registerGpu,
    registerDoctor,
    registerSites,
    registerSite,
    registerTail,
    registerSimulate,
    registerToken,
    registerInvite,
    registerUpgrade,
    registerAudit,
  ];
  for (const register of registrations) register(program, invoke);
  completeCommand(program, "drover");
  return program;
}

/** What the command and all below it have in common; the global options before and after a name, because people write both. */
function completeCommand(command: Command, words: string): void {
  for (const below of command.commands) completeCommand(below, `${words} ${below.name()}`);
  command
    .configureOutput({
      ...command.configureOutput(),
      outputError: (text, write) => write(`drover: ${clause(inOurWords(text))}; see ${words} --help\n`),
    })
    .addOption(
      new Option(
        "--coordinator <url>",
        `address of the coordinator (DROVER_COORDINATOR, else ${DEFAULT_COORDINATOR_URL})`,
      ),
    )
    .addOption(new Option("--json", "print JSON for machines"));
}

function coordinatorUrl(option: string | undefined, shell: Shell): string {
  const url = option ?? shell.env["DROVER_COORDINATOR"] ?? DEFAULT_COORDINATOR_URL;
  if (/^https?:$/.test(URL.parse(url)?.protocol ?? "")) return url;
  throw new UsageError(
    `"${url}" is no address of a coordinator; write, for example, --coordinator ${DEFAULT_COORDINATOR_URL}`,
  );
}

/** What is wrong; what to do. */
function sentenceFor(error: unknown): string {
  if (isDroverError(error)) return `${clause(error.message)}; ${clause(lowerFirst(error.advice))}`;
  const message = error instanceof Error ? error.message : String(error);
  return `this is a defect in drover: ${message.split("\n")[0]}; please report it`;
}

/** What the parser of the command line says, without the words that only its authors know. */
function inOurWords(text: string): string {
  return text
    .trim()
    .replace(/^error: /, "")
    .replace(/^command-argument value ('.*') is invalid for argument '.*'\. /, "$1 will not do: ")
    .replace(/^option '(?:-\w, )?(--[\w-]+).*' argument ('.*') is invalid\. /, "$1 $2 will not do: ");
}

/** Without its full stop, so that two sentences become the halves of one line. */
function clause(sentence: string): string {
  return sentence.replaceAll(/\s*\n\s*/g, " ").replace(/\.$/, "");
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
