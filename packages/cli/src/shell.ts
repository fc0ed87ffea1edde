import { once } from "node:events";
import { createInterface } from "node:readline";
import { systemClock, type Clock } from "@drover/shared/clock.ts";

/** What a command has around it: the process in `drover`, buffers in a test. */
export interface Shell {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Characters per line of the terminal on stdout; `null` where stdout is no terminal. */
  readonly columns: number | null;
  /** Somebody sits there: questions can be asked on stderr and answered on stdin. */
  readonly isInteractive: boolean;
  readonly clock: Clock;
  /** Resolves when stdout can take more, so that a slow reader slows the coordinator and not our memory. */
  write(bytes: Uint8Array | string): Promise<void>;
  writeError(bytes: Uint8Array | string): Promise<void>;
  /** The whole of stdin. */
  readInput(): Promise<string>;
  /** The next line that somebody types; rejects when `signal` aborts, `null` at the end of stdin. */
  readLine(signal: AbortSignal): Promise<string | null>;
  /** Calls `interrupted` at every Ctrl-C or request to end, instead of dying of it. */
  onInterrupt(interrupted: () => void): () => void;
}

export function createProcessShell(): Shell {
  return {
    env: process.env,
    columns: process.stdout.isTTY ? process.stdout.columns : null,
    isInteractive: process.stdin.isTTY && process.stderr.isTTY,
    clock: systemClock,
    write: (bytes) => writeTo(process.stdout, bytes),
    writeError: (bytes) => writeTo(process.stderr, bytes),
    async readInput() {
      const chunks: Buffer[] = [];
      for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
      return Buffer.concat(chunks).toString("utf8");
    },
    readLine,
    onInterrupt(interrupted) {
      const signals = ["SIGINT", "SIGTERM"] as const;
      for (const signal of signals) process.on(signal, interrupted);
      return () => {
        for (const signal of signals) process.off(signal, interrupted);
      };
    },
  };
}

async function writeTo(stream: NodeJS.WriteStream, bytes: Uint8Array | string): Promise<void> {
  if (!stream.write(bytes)) await once(stream, "drain");
}

async function readLine(signal: AbortSignal): Promise<string | null> {
  // Not `terminal`: readline would put the terminal into raw mode and keep Ctrl-C to itself.
  const lines = createInterface({ input: process.stdin, terminal: false });
  try {
    const [line] = (await Promise.race([once(lines, "line", { signal }), once(lines, "close", { signal })])) as [
      string?,
    ];
    return line ?? null;
  } finally {
    lines.close();
    process.stdin.pause();
  }
}
