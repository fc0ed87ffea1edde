import { spawn, type ChildProcess } from "node:child_process";
import type { Clock } from "@drover/shared/clock.ts";

const FIRST_RESTART_MS = 1_000;
const MAX_RESTART_MS = 60_000;
/** Enough of a line, and of what a dying tool says. */
const MAX_LINE_CHARACTERS = 64 * 1024;
const MAX_LAST_WORDS_CHARACTERS = 2_000;

export interface LoopChildOptions {
  program: string;
  /** Asked again for each start: what a tool refused may be left out. */
  words: () => readonly string[];
  /** Beside our own; marks it as ours, should we die without stopping it. */
  environment: Readonly<Record<string, string>>;
  clock: Clock;
  /** It says something at least this often, or hangs. `null`: it may have nothing to say. */
  silenceMs: number | null;
  onLine(line: string): void;
  /** It ended or hangs, and is started again; `lastWords` is what it said last, on either stream. */
  onEnded(reason: string, lastWords: string): void;
}

export interface LoopChild {
  isHanging(): boolean;
  stop(): void;
}

/**
 * A tool that prints its numbers again and again, in place of one that is started every time. When it dies it is
 * started again, later each time that it does not live long. When it hangs it is killed; when not even that reaches
 * it, no second one is started beside it.
 */
export function startLoopChild(options: LoopChildOptions): LoopChild {
  const { program, words, environment, clock, silenceMs, onLine, onEnded } = options;
  let child: ChildProcess | null = null;
  let isStopped = false;
  let isHanging = false;
  let restartMs = FIRST_RESTART_MS;
  let cancel = () => {};

  function start(): void {
    const startedAtMs = clock.monotonicMs();
    let lastWords = "";
    let reason: string | null = null;
    const started = spawn(program, words(), {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, ...environment, LC_ALL: "C" },
    });
    child = started;
    const heard = () => {
      cancel();
      isHanging = false;
      if (silenceMs === null || isStopped) return;
      cancel = clock.callAfter(silenceMs, () => {
        isHanging = true;
        reason = `it said nothing for ${Math.round(silenceMs / 1000)} s`;
        onEnded(reason, lastWords);
        started.kill("SIGKILL");
      });
    };
    heard();
    const remember = (line: string) => (lastWords = `${lastWords}${line}\n`.slice(-MAX_LAST_WORDS_CHARACTERS));
    readLines(started.stdout, (line) => {
      heard();
      remember(line);
      onLine(line);
    });
    readLines(started.stderr, remember);
    let isOver = false;
    const over = (why: string) => {
      if (isOver) return;
      isOver = true;
      cancel();
      child = null;
      isHanging = false;
      if (isStopped) return;
      // Of one that hung this was said when it was killed.
      if (reason === null) onEnded(why, lastWords);
      restartMs =
        clock.monotonicMs() - startedAtMs > MAX_RESTART_MS ? FIRST_RESTART_MS : Math.min(restartMs * 2, MAX_RESTART_MS);
      cancel = clock.callAfter(restartMs / 2, start);
    };
    started.once("error", (error) => over(error.message));
    started.once("close", (exitCode, signal) =>
      over(signal === null ? `exit code ${exitCode}` : `killed by ${signal}`),
    );
  }

  start();
  return {
    isHanging: () => isHanging,
    stop() {
      isStopped = true;
      cancel();
      child?.kill("SIGKILL");
      child?.unref();
    },
  };
}

function readLines(stream: NodeJS.ReadableStream | null, onLine: (line: string) => void): void {
  let rest = "";
  stream?.setEncoding("utf8").on("data", (chunk: string) => {
    const lines = (rest + chunk).split("\n");
    rest = (lines.pop() ?? "").slice(-MAX_LINE_CHARACTERS);
    for (const line of lines) onLine(line);
  });
}
