import { systemClock } from "@drover/shared/clock.ts";
import type { Shell } from "../shell.ts";

export interface CapturedShell extends Shell {
  /** What was written so far. */
  stdout(): string;
  stderr(): string;
  /** As Ctrl-C does. */
  interrupt(): void;
  /** Types a line and Enter. */
  type(line: string): void;
  /** Resolves when what was written holds the text. */
  shows(text: string): Promise<void>;
}

interface Surroundings {
  env?: Record<string, string>;
  columns?: number;
  isInteractive?: boolean;
  input?: string;
}

/** A shell whose streams are strings and whose person is the test. */
export function captureShell({
  env = {},
  columns,
  isInteractive = false,
  input = "",
}: Surroundings = {}): CapturedShell {
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  const interrupted = new Set<() => void>();
  const watchers = new Set<() => void>();
  let answer: ((line: string) => void) | null = null;

  const text = (chunks: Buffer[]): string => Buffer.concat(chunks).toString("utf8");
  const keep = (chunks: Buffer[], bytes: Uint8Array | string): Promise<void> => {
    chunks.push(Buffer.from(bytes));
    for (const watch of watchers) watch();
    return Promise.resolve();
  };
  return {
    env,
    columns: columns ?? null,
    isInteractive,
    clock: systemClock,
    write: (bytes) => keep(out, bytes),
    writeError: (bytes) => keep(err, bytes),
    readInput: () => Promise.resolve(input),
    readLine: (signal) =>
      new Promise((resolve, reject) => {
        if (signal.aborted) reject(new Error("cut"));
        answer = resolve;
        signal.addEventListener("abort", () => reject(new Error("cut")), { once: true });
      }),
    onInterrupt(fn) {
      interrupted.add(fn);
      return () => void interrupted.delete(fn);
    },
    stdout: () => text(out),
    stderr: () => text(err),
    interrupt: () => interrupted.forEach((fn) => fn()),
    type: (line) => answer?.(line),
    shows: (wanted) =>
      new Promise((resolve) => {
        const watch = (): void => {
          if (!text([...out, ...err]).includes(wanted)) return;
          watchers.delete(watch);
          resolve();
        };
        watchers.add(watch);
        watch();
      }),
  };
}
