import { spawn, type ChildProcess } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { signal } from "../machine/processes.ts";
import type { DaemonName } from "../plan/fault.ts";

/** As a service manager would. */
const RESTART_AFTER_MS = 500;
/** A daemon that is asked to stop and does not is a finding. */
const STOP_LIMIT_MS = 20_000;

export interface DaemonOptions {
  name: DaemonName;
  command: readonly string[];
  env: Readonly<Record<string, string>>;
  logFile: string;
  /** Aborted, it is never started again. */
  over: AbortSignal;
  /** Called when it ended and nobody of the run had ended it. */
  onUnexpectedEnd: (how: string) => void;
}

/** One of the fleet's programs as a process that may be killed, stopped and started again. */
export class Daemon {
  readonly #options: DaemonOptions;
  #child: ChildProcess | null = null;
  #restart: NodeJS.Timeout | null = null;

  constructor(options: DaemonOptions) {
    this.#options = options;
  }

  get name(): DaemonName {
    return this.#options.name;
  }

  /** `null` while it is down. */
  get pid(): number | null {
    return this.#child?.pid ?? null;
  }

  start(): void {
    const { command, env, logFile, over } = this.#options;
    if (this.#child || over.aborted) return;
    const [program = "", ...args] = command;
    const log = openSync(logFile, "a");
    const child = spawn(program, args, { env: { ...process.env, ...env }, stdio: ["ignore", log, log] });
    closeSync(log);
    this.#child = child;
    child.once("close", (code, killedBy) => {
      if (this.#child !== child) return;
      this.#child = null;
      if (over.aborted) return;
      this.#options.onUnexpectedEnd(killedBy ?? `exit code ${code}`);
      this.#restart = setTimeout(() => this.start(), RESTART_AFTER_MS);
    });
  }

  /** Resolves when it is gone. */
  kill(): Promise<void> {
    return this.#end("SIGKILL");
  }

  /** In good order. */
  async stop(): Promise<void> {
    const child = this.#child;
    const limit = setTimeout(() => {
      this.#options.onUnexpectedEnd(`it did not stop within ${STOP_LIMIT_MS / 1000} s and was killed`);
      child?.kill("SIGKILL");
    }, STOP_LIMIT_MS);
    await this.#end("SIGTERM");
    clearTimeout(limit);
  }

  pause(): void {
    if (this.pid !== null) signal(this.pid, "SIGSTOP");
  }

  resume(): void {
    if (this.pid !== null) signal(this.pid, "SIGCONT");
  }

  async #end(name: NodeJS.Signals): Promise<void> {
    if (this.#restart) clearTimeout(this.#restart);
    const child = this.#child;
    if (!child) return;
    this.#child = null;
    const gone = new Promise((resolve) => child.once("close", resolve));
    child.kill(name);
    await gone;
  }
}
