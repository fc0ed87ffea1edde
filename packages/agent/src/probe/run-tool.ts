import { spawn } from "node:child_process";
import type { Readable } from "node:stream";
import type { Clock } from "@drover/shared/clock.ts";
import type { ToolRun } from "./parse/nvidia-failure.ts";

/** Enough for any answer about a real machine; a tool that says more is cut off. */
const MAX_OUTPUT_BYTES = 4 * 1024 * 1024;
/** How long a killed tool may take to be gone before it is left alone. */
const GONE_AFTER_KILL_MS = 2_000;

/** Asks a program something. `null`: there is no such program. */
export type RunTool = (program: string, words: readonly string[], timeoutMs: number) => Promise<ToolRun | null>;

/**
 * Answers at its deadline at the latest, whatever the program does: on a sick GPU nvidia-smi sleeps in the kernel,
 * where not even SIGKILL reaches it.
 */
export function createRunTool(clock: Clock): RunTool {
  return (program, words, timeoutMs) =>
    new Promise((resolve) => {
      const child = spawn(program, words, { stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, LC_ALL: "C" } });
      const said = { stdout: "", stderr: "" };
      for (const name of ["stdout", "stderr"] as const) {
        // Where there are no more file descriptors the child has no streams, and says so by its error.
        const stream: Readable | undefined = child[name];
        stream?.setEncoding("utf8").on("data", (chunk: string) => {
          if (said[name].length < MAX_OUTPUT_BYTES) said[name] += chunk;
        });
      }
      let timedOut = false;
      let cancel = clock.callAfter(timeoutMs, () => {
        timedOut = true;
        child.kill("SIGKILL");
        cancel = clock.callAfter(GONE_AFTER_KILL_MS, () => {
          child.unref();
          child.stdout.destroy();
          child.stderr.destroy();
          resolve({ exitCode: null, timedOut, ...said });
        });
      });
      child.once("error", (error: NodeJS.ErrnoException) => {
        cancel();
        resolve(error.code === "ENOENT" ? null : { exitCode: null, timedOut, stdout: "", stderr: error.message });
      });
      child.once("close", (exitCode) => {
        cancel();
        resolve({ exitCode, timedOut, ...said });
      });
    });
}
