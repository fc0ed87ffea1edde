import { spawn, type ChildProcessByStdio } from "node:child_process";
import type { Readable, Writable } from "node:stream";
import type { Clock } from "@drover/shared/clock.ts";
import { AttemptId } from "@drover/shared/domain/ids.ts";
import { DroverError } from "@drover/shared/errors.ts";
import { createLineSplitter } from "./notices.ts";

const RESTART_AFTER_MS = 1_000;

export interface LauncherOptions {
  /** The compiled native/supervisor.c. */
  program: string;
  dataDir: string;
  clock: Clock;
}

/**
 * The small process that forks supervisors for us: forking Node itself costs several times as much per attempt.
 * It holds the data directory's lock and ends with us; its supervisors do not.
 */
export interface Launcher {
  request(verb: "start" | "remove", attemptId: AttemptId): void;
  /** The machine could not make another process for this attempt: it was not started. */
  onStartRefused(listener: (attemptId: AttemptId) => void): void;
  stop(): Promise<void>;
}

type LauncherProcess = ChildProcessByStdio<Writable, Readable, null>;

/** Resolves when the launcher holds the data directory; throws `dataDir.locked` where another agent does. */
export async function startLauncher(options: LauncherOptions): Promise<Launcher> {
  const { clock } = options;
  let startRefused = (_attemptId: AttemptId): void => {};
  let cancelRestart: (() => void) | null = null;
  let stopping = false;
  let current = await open();

  async function open(): Promise<LauncherProcess> {
    const child = await openProcess(options, (attemptId) => startRefused(attemptId));
    child.once("exit", () => {
      if (!stopping) restartLater();
    });
    return child;
  }

  /** What was asked of the one that died is asked again by the sweep. */
  function restartLater(): void {
    cancelRestart = clock.callAfter(RESTART_AFTER_MS, () => {
      open().then((child) => {
        current = child;
        if (stopping) child.stdin.end();
      }, restartLater);
    });
  }

  return {
    request(verb, attemptId) {
      if (current.stdin.writable) current.stdin.write(`${verb} ${attemptId}\n`);
    },
    onStartRefused(listener) {
      startRefused = listener;
    },
    async stop() {
      stopping = true;
      cancelRestart?.();
      if (current.exitCode !== null || current.signalCode !== null) return;
      const exited = new Promise((resolve) => current.once("exit", resolve));
      current.stdin.end();
      await exited;
    },
  };
}

function openProcess(options: LauncherOptions, startRefused: (attemptId: AttemptId) => void): Promise<LauncherProcess> {
  const { program, dataDir } = options;
  // A session of its own: a Ctrl-C in the agent's terminal is not for the launcher.
  const child = spawn(program, [dataDir], { stdio: ["pipe", "pipe", "inherit"], detached: true });
  // A write to one that has just died; its exit is what we act on.
  child.stdin.on("error", () => {});
  return new Promise((resolve, reject) => {
    const onLine = createLineSplitter((line) => {
      const [word, id] = line.split(" ");
      if (word === "ready") resolve(child);
      if (word === "locked") reject(new DroverError("dataDir.locked", `Another agent uses ${dataDir}.`));
      const attemptId = AttemptId.safeParse(id);
      if (word === "failed" && attemptId.success) startRefused(attemptId.data);
    });
    child.stdout.setEncoding("latin1");
    child.stdout.on("data", onLine);
    child.once("error", (cause) => {
      reject(
        new DroverError("agent.supervisorMissing", `The supervisor program ${program} cannot be started.`, { cause }),
      );
    });
    // After `ready` or `locked` was read this changes nothing.
    child.once("close", (code) => {
      reject(
        new DroverError("dataDir.unusable", `The supervisor program ended at once (exit code ${code}) in ${dataDir}.`),
      );
    });
  });
}
