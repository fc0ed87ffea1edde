import { readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { CannotStart } from "./cannot-start.ts";
import { DATA } from "./places.ts";

/** A coordinator or agent that works on this checkout's data: a second would be refused, less clearly. */
export function checkNothingRuns(): void {
  const running = daemonsOn([DATA.coordinator, DATA.agent]);
  if (running.length === 0) return;
  throw new CannotStart(
    `a fleet of this checkout is running already; use it (npx drover jobs), or end it with Ctrl-C in its terminal or with: kill ${running.join(" ")}`,
  );
}

const STOP_TIMEOUT_MS = 20_000;
const LOOK_EVERY_MS = 50;

/**
 * Stops what jobs of earlier starts still run: their supervisors outlive the agent by design, and whoever
 * empties its directory would leave them running with nobody to know of them. Resolves to how many there were.
 */
export async function stopLeftoverAttempts(): Promise<number> {
  const supervisors = (): number[] =>
    processIds().filter((pid) => {
      const [program, dataDirectory] = commandLine(pid);
      return program?.endsWith("drover-supervisor") === true && dataDirectory === DATA.agent;
    });
  const found = supervisors();
  // Asked to stop, a supervisor ends its whole tree, after the grace that its job has.
  for (const pid of found) askToEnd(pid);
  const deadline = performance.now() + STOP_TIMEOUT_MS;
  while (supervisors().length > 0) {
    if (performance.now() > deadline) {
      throw new CannotStart(`these do not end: ${supervisors().join(" ")}; end them with kill, then start again`);
    }
    await delay(LOOK_EVERY_MS);
  }
  return found.length;
}

export function checkPortIsFree(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", (error: NodeJS.ErrnoException) => {
      const why = error.code === "EADDRINUSE" ? "is taken by another program" : `cannot be used (${error.code})`;
      reject(
        new CannotStart(`port ${port} ${why}; choose another: npm start -- --port ${port === 7070 ? 7071 : port + 1}`),
      );
    });
    server.listen(port, "127.0.0.1", () => server.close(() => resolve()));
  });
}

function askToEnd(pid: number): void {
  try {
    process.kill(pid, "SIGTERM");
  } catch {
    // It has ended by itself meanwhile.
  }
}

/**
 * The process ids of daemons whose command line names one of the directories. Read from /proc rather than
 * from a file of ours: such a file outlives what it speaks of, and process ids are used again.
 */
function daemonsOn(dataDirectories: readonly string[]): number[] {
  return processIds().filter((pid) => {
    const words = commandLine(pid);
    return words.some((word, i) => word === "--data-dir" && dataDirectories.includes(words[i + 1] ?? ""));
  });
}

function processIds(): number[] {
  try {
    return readdirSync("/proc").map(Number).filter(Number.isInteger);
  } catch {
    return []; // No Linux: the port and the daemons' own locks still keep a second fleet out.
  }
}

function commandLine(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
  } catch {
    return []; // It ended meanwhile.
  }
}
