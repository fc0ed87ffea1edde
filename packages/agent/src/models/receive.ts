import type { FileHandle } from "node:fs/promises";
import type { IncomingMessage } from "node:http";
import { PullProblem } from "./pull-problem.ts";

/** The source was asked for a part and sends the whole. */
export class RangesIgnored extends Error {}

/** Written at once: fewer calls for the same bytes. */
const BATCH_BYTES = 1024 * 1024;

export interface Wanted {
  start: number;
  end: number;
  /** An answer that begins at 0 is what was asked for. */
  mayBeWhole: boolean;
}

/**
 * Writes an answer to its place in a file; calls `onWritten` after each part. Reads no faster than the disk takes:
 * at the most two batches are in memory. Throws `sourceUnavailable` where the answer breaks off.
 */
export async function receiveInto(
  file: FileHandle,
  opened: { content: Uint8Array } | { answer: IncomingMessage; start: number },
  { start, end, mayBeWhole }: Wanted,
  onWritten: (bytes: number) => void,
): Promise<void> {
  const writer = new BatchWriter(file, start, onWritten);
  if ("content" in opened) {
    await writer.take(opened.content);
    return writer.flush();
  }
  const { answer } = opened;
  if (opened.start !== start || (answer.statusCode === 200 && !mayBeWhole)) {
    answer.destroy();
    throw new RangesIgnored();
  }
  let received = 0;
  try {
    for await (const chunk of answer as AsyncIterable<Buffer>) {
      const bytes = chunk.subarray(0, end - start - received);
      received += bytes.byteLength;
      if (bytes.byteLength > 0) await writer.take(bytes);
      // Only where more comes than was asked for: whoever leaves an answer before its end gives its connection up.
      if (bytes.byteLength < chunk.byteLength) break;
    }
  } catch (error) {
    // What came before it broke is as good as any.
    await writer.flush();
    if (isDiskError(error)) throw error;
    if (received < end - start) throw new PullProblem("sourceUnavailable", `it broke off: ${(error as Error).message}`);
  }
  await writer.flush();
  if (received < end - start) throw new PullProblem("sourceUnavailable", "it broke off before its end");
}

/** One batch is written while the next one arrives. */
class BatchWriter {
  readonly #file: FileHandle;
  readonly #onWritten: (bytes: number) => void;
  #position: number;
  #batch: Uint8Array[] = [];
  #batchBytes = 0;
  #writing: Promise<void> = Promise.resolve();

  constructor(file: FileHandle, position: number, onWritten: (bytes: number) => void) {
    this.#file = file;
    this.#position = position;
    this.#onWritten = onWritten;
  }

  async take(chunk: Uint8Array): Promise<void> {
    this.#batch.push(chunk);
    this.#batchBytes += chunk.byteLength;
    if (this.#batchBytes < BATCH_BYTES) return;
    await this.#writing;
    this.#begin();
  }

  async flush(): Promise<void> {
    await this.#writing;
    this.#begin();
    await this.#writing;
  }

  #begin(): void {
    if (this.#batchBytes === 0) return;
    const [batch, bytes, position] = [this.#batch, this.#batchBytes, this.#position];
    this.#batch = [];
    this.#batchBytes = 0;
    this.#position += bytes;
    this.#writing = this.#file.writev(batch, position).then(({ bytesWritten }) => {
      if (bytesWritten < bytes) throw Object.assign(new Error("the disk took only a part"), { code: "ENOSPC" });
      this.#onWritten(bytes);
    });
    this.#writing.catch(() => {});
  }
}

function isDiskError(error: unknown): boolean {
  return error instanceof Error && "code" in error && ["ENOSPC", "EDQUOT", "EIO", "EROFS"].includes(String(error.code));
}
