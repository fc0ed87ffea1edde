import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { runCommand } from "../machine/commands.ts";

/** What the tasks of a run wrote down themselves: see witness.c. */
export interface WitnessedExecution {
  attemptId: string;
  task: string;
  nodeName: string;
  startedAtMs: number;
  /** When it ended by itself, or was last seen alive. */
  endedAtMs: number;
  /** The lines that it wrote for certain; one more may be on its way when it was killed. */
  lineCount: number;
  endedByItself: boolean;
}

export interface Contention {
  attemptId: string;
  holderAttemptId: string;
}

export interface WitnessRecord {
  executions: WitnessedExecution[];
  contentions: Contention[];
}

/** Compiles the program and makes its folders; yields the program. */
export async function prepareWitness(folder: string): Promise<string> {
  for (const each of ["locks", "progress"]) mkdirSync(join(folder, each), { recursive: true });
  const program = join(folder, "witness-program");
  await runCommand(["cc", "-O1", "-o", program, join(import.meta.dirname, "witness.c")]);
  return program;
}

export function readWitness(folder: string): WitnessRecord {
  const executions: WitnessedExecution[] = [];
  const contentions: Contention[] = [];
  for (const line of readLines(join(folder, "witness"))) {
    const [what, attemptId = "", third = "", nodeName = "", startedAtMs] = line.split(" ");
    if (what === "contended") contentions.push({ attemptId, holderAttemptId: third });
    if (what === "start") {
      const { lineCount, aliveAtMs } = readProgress(join(folder, "progress", attemptId));
      executions.push({
        attemptId,
        task: third,
        nodeName,
        startedAtMs: Number(startedAtMs),
        endedAtMs: Math.max(Number(startedAtMs), aliveAtMs),
        lineCount,
        endedByItself: false,
      });
    }
    const ended = what === "end" && executions.findLast((execution) => execution.attemptId === attemptId);
    if (ended) Object.assign(ended, { endedAtMs: Number(third), endedByItself: true });
  }
  return { executions, contentions };
}

/** The bytes of the first `lineCount` lines of an attempt, as witness.c writes them. */
export function outputOf(attemptId: string, lineCount: number, lineBytes: number): string {
  let text = "";
  for (let number = 0; number < lineCount; number++) {
    const filler = String.fromCharCode(97 + (number % 26));
    text += `${`${attemptId} ${number} `.padEnd(lineBytes - 1, filler)}\n`;
  }
  return text;
}

function readLines(file: string): string[] {
  return readFileSync(file, "utf8").split("\n").slice(0, -1);
}

function readProgress(file: string): { lineCount: number; aliveAtMs: number } {
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch {
    bytes = Buffer.alloc(0);
  }
  // Killed between its first lines of code.
  if (bytes.byteLength < 16) return { lineCount: 0, aliveAtMs: 0 };
  return { lineCount: Number(bytes.readBigInt64LE(0)), aliveAtMs: Number(bytes.readBigInt64LE(8)) };
}
