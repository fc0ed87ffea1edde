import { systemClock } from "@drover/shared/clock.ts";
import { errorLine, isDroverError } from "@drover/shared/errors.ts";
import { readConfig } from "./config.ts";
import { startCoordinator } from "./coordinator.ts";
import { openLog } from "./telemetry/open-log.ts";

/** The program: runs until SIGTERM or SIGINT. What an operator can mend is one line and exit code 1. */
export async function main(): Promise<void> {
  try {
    await run();
  } catch (error) {
    if (!isDroverError(error)) throw error;
    process.stderr.write(`drover-coordinator: ${errorLine(error)}\n`);
    process.exit(1);
  }
}

async function run(): Promise<void> {
  const config = readConfig(process.argv.slice(2), process.stdout.isTTY);
  const { log, flush } = openLog(config, systemClock);
  // Before anything is started: a signal in between must end it as cleanly as one later.
  const stopAsked = Promise.withResolvers<void>();
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => stopAsked.resolve());
  const coordinator = await startCoordinator(config, systemClock, log);
  await stopAsked.promise;
  await coordinator.stop();
  flush();
  process.exit(0);
}
