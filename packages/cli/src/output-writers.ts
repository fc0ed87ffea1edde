import type { Job } from "@drover/shared/api/jobs.ts";
import { LinePrefixer } from "./line-prefixer.ts";

/** Takes one task's output, piece by piece. */
export interface OutputWriter {
  write(bytes: Uint8Array): Promise<void>;
  /** Everything was written. */
  finish(): Promise<void>;
}

type Write = (bytes: Uint8Array | string) => Promise<void>;

/** The bytes as the task wrote them; of an array, each line with the index of its task. */
export function plainWriter(job: Job, taskIndex: number, write: Write): OutputWriter {
  if (job.spec.arraySize === null) return { write, finish: () => Promise.resolve() };
  return prefixed(`[${taskIndex}] `, write);
}

function prefixed(prefix: string, write: Write): OutputWriter {
  const lines = new LinePrefixer(prefix);
  const writeSome = async (bytes: Buffer): Promise<void> => {
    if (bytes.byteLength > 0) await write(bytes);
  };
  return {
    write: (bytes) => writeSome(lines.push(bytes)),
    finish: () => writeSome(lines.finish()),
  };
}

/** One JSON document a line of output: `{"task":3,"line":"epoch 1"}`. What is no UTF-8 shows as U+FFFD. */
export function jsonLinesWriter(taskIndex: number, write: Write): OutputWriter {
  const lines = new LinePrefixer("");
  const writeLines = async (bytes: Buffer): Promise<void> => {
    if (bytes.byteLength === 0) return;
    const texts = bytes.toString("utf8").split("\n").slice(0, -1);
    await write(texts.map((line) => `${JSON.stringify({ task: taskIndex, line })}\n`).join(""));
  };
  return {
    write: (bytes) => writeLines(lines.push(bytes)),
    finish: () => writeLines(lines.finish()),
  };
}
