import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readFileSync, statSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { CannotStart } from "./cannot-start.ts";
import { CHECKOUT, DATA } from "./places.ts";

export interface Daemon {
  logFile: string;
  /** `work`, unless the daemon ends first: then a CannotStart with the end of its log. */
  orDeath<T>(work: Promise<T>): Promise<T>;
  /** Asks it to end, and resolves when it has. */
  stop(): Promise<void>;
}

const SHOWN_LOG_LINES = 12;
/** Longer than either daemon takes to write down what it holds. */
const STOP_TIMEOUT_MS = 15_000;

export function startDaemon(name: "coordinator" | "agent", daemonArguments: string[]): Daemon {
  const program = join(CHECKOUT, "packages", name, "bin", `drover-${name}.mjs`);
  const logFile = join(DATA.logs, `${name}.log`);
  const log = openSync(logFile, "a");
  const logStart = statSync(logFile).size;
  // The directory of this Node first: the daemons and what they run are to use the same.
  const path = [dirname(process.execPath), process.env["PATH"]].join(delimiter);
  const child = spawn(process.execPath, [program, ...daemonArguments], {
    // Its own session: a Ctrl-C is for this program, which then stops the daemons in their order.
    detached: true,
    stdio: ["ignore", log, log],
    env: { ...process.env, PATH: path },
  });
  closeSync(log);

  let isStopping = false;
  const exited = once(child, "exit") as Promise<[code: number | null, signal: string | null]>;
  const death = exited.then(([code, signal]) => {
    if (isStopping) return new Promise<never>(() => {});
    const how = signal === null ? `ended with exit code ${code}` : `was killed by ${signal}`;
    throw new CannotStart(`the ${name} ${how}; the end of ${logFile}:\n${endOfLog(logFile, logStart)}`);
  });
  death.catch(() => {}); // Told to whoever waits at that time.

  return {
    logFile,
    orDeath: (work) => Promise.race([work, death]),
    async stop() {
      isStopping = true;
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill("SIGTERM");
      const timeout = new AbortController();
      const isLate = await Promise.race([
        exited.then(() => false),
        delay(STOP_TIMEOUT_MS, true, { signal: timeout.signal }).catch(() => true),
      ]);
      timeout.abort();
      if (!isLate) return;
      process.stderr.write(`drover: the ${name} does not end, so it is killed; its log is ${logFile}\n`);
      child.kill("SIGKILL");
      await exited;
    },
  };
}

/** Of this start alone: what an earlier one said would mislead. */
function endOfLog(logFile: string, start: number): string {
  const lines = readFileSync(logFile).subarray(start).toString("utf8").trimEnd().split("\n");
  return lines
    .slice(-SHOWN_LOG_LINES)
    .map((line) => `  ${line}`)
    .join("\n");
}
