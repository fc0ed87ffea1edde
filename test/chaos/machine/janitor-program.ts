import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { runCommand } from "./commands.ts";
import { markedProcesses, signal } from "./processes.ts";

const KILL_TRIES = 200;
const KILL_PAUSE_MS = 50;
const UNDO_TRIES = 50;
const UNDO_PAUSE_MS = 100;

/** Repeated, because what is being forked while we look is not seen. */
async function killAll(run: string): Promise<void> {
  for (let tries = 0; tries < KILL_TRIES; tries++) {
    const living = markedProcesses(run);
    if (living.length === 0) return;
    for (const { pid } of living) signal(pid, "SIGKILL");
    await delay(KILL_PAUSE_MS);
  }
}

/** Again for a while: a process that has just died may still hold what it had open. */
async function undo(command: readonly string[]): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      return await runCommand(command);
    } catch (error) {
      if (tries === UNDO_TRIES) return void process.stderr.write(`chaos: ${String(error)}\n`);
      await delay(UNDO_PAUSE_MS);
    }
  }
}

const [run = ""] = process.argv.slice(2);
const commands: string[][] = [];
// Until the other end closes; a Ctrl-C is not for us.
for await (const line of createInterface({ input: process.stdin })) commands.push(JSON.parse(line) as string[]);

await killAll(run);
for (const command of commands.toReversed()) await undo(command);
