import { systemClock } from "@drover/shared/clock.ts";
import { errorLine, isDroverError } from "@drover/shared/errors.ts";
import { openServiceManager } from "@drover/shared/service-manager.ts";
import { readInvocation, type CoordinatorConfig } from "./config.ts";
import { runCopyCommand } from "./copy-commands.ts";
import { startCoordinator } from "./coordinator.ts";
import { resetAdmin } from "./token-command.ts";
import { openLog } from "./telemetry/open-log.ts";
import { ownFingerprint } from "./tls/own-certificate.ts";

/**
 * The program. Without a command it is the coordinator, and runs until SIGTERM or SIGINT. Exit code 0: done;
 * 1: what an operator can mend, in one line.
 */
export async function main(): Promise<void> {
  try {
    const invocation = readInvocation(process.argv.slice(2), process.stdout.isTTY);
    if (invocation.command === "run") await run(invocation.config);
    else if (invocation.command === "resetAdmin") process.stdout.write(`${resetAdmin(invocation.dataDir)}\n`);
    else if (invocation.command === "caFingerprint") process.stdout.write(`${ownFingerprint(invocation.dataDir)}\n`);
    else process.stdout.write(`${runCopyCommand(invocation, systemClock)}\n`);
  } catch (error) {
    if (!isDroverError(error)) throw error;
    process.stderr.write(`drover-coordinator: ${errorLine(error)}\n`);
    process.exit(1);
  }
}

/** To a person at a terminal, and past the log. */
function showAdminToken(token: string): void {
  process.stderr.write(`The admin token, which is shown this once: ${token}\nTo use it: export DROVER_TOKEN=…\n`);
}

async function run(config: CoordinatorConfig): Promise<void> {
  const { log, flush } = openLog(config, systemClock);
  const serviceManager = openServiceManager({
    environment: process.env,
    pid: process.pid,
    clock: systemClock,
    onProblem: (reason) => log.warn({ event: "coordinator.notifyFailed", reason }, "systemd could not be told"),
  });
  // Before anything is started: a signal in between must end it as cleanly as one later.
  const stopAsked = Promise.withResolvers<void>();
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => stopAsked.resolve());
  const coordinator = await startCoordinator(config, systemClock, log, process.stderr.isTTY ? showAdminToken : null);
  serviceManager.ready();
  serviceManager.say(`serving at ${coordinator.url}`);
  await stopAsked.promise;
  serviceManager.stopping();
  await coordinator.stop();
  flush();
  process.exit(0);
}
