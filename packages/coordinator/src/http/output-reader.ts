import type { ServerResponse } from "node:http";
import type { JobId, TaskKey } from "@drover/shared/domain/ids.ts";
import type { AttemptRecord } from "../core/records.ts";
import type { Engine } from "../engine/engine.ts";
import type { Signals } from "../engine/signals.ts";
import { OutputFile, type OutputStore } from "../output/output-store.ts";
import type { History } from "../store/read-history.ts";

const MAX_CHUNK_BYTES = 256 * 1024;

export interface OutputReaderOptions {
  engine: Engine;
  history: History;
  outputs: OutputStore;
  jobId: JobId;
  taskIndex: number;
  /** Number of the attempt to begin with. */
  number: number;
  /** Byte of that attempt to begin with. */
  offset: number;
}

/** One reader's way through a task's output: a place in one attempt's file, then the next attempt's. */
export class OutputReader {
  readonly #options: OutputReaderOptions;
  #number: number;
  #offset: number;
  #file: OutputFile | null = null;
  /** As large as the largest piece so far: a thousand followers of a quiet task hold almost nothing. */
  #buffer = new Uint8Array(0);

  constructor(options: OutputReaderOptions) {
    this.#options = options;
    this.#number = options.number;
    this.#offset = options.offset;
  }

  /** Sends the current attempt's bytes up to `endOffset`. */
  async copy(response: ServerResponse, endOffset: number): Promise<void> {
    const file = this.#openFile();
    if (!file) return;
    while (this.#offset < endOffset && !response.destroyed) {
      const wanted = Math.min(endOffset - this.#offset, MAX_CHUNK_BYTES);
      if (this.#buffer.byteLength < wanted) this.#buffer = new Uint8Array(wanted);
      const bytesRead = await this.#options.outputs.read(file, this.#buffer.subarray(0, wanted), this.#offset);
      if (bytesRead === 0) return;
      this.#offset += bytesRead;
      await send(response, this.#buffer.subarray(0, bytesRead));
    }
  }

  /**
   * Sends bytes as they come, until the attempt has ended and its last byte was sent; with
   * `intoNextAttempts` until that is true of the task.
   */
  async follow(
    response: ServerResponse,
    signals: Signals<TaskKey>,
    key: TaskKey,
    intoNextAttempts: boolean,
  ): Promise<void> {
    const bell = new Bell();
    const silence = signals.listen(key, () => bell.ring());
    response.once("close", () => bell.ring());
    try {
      while (!response.destroyed) {
        // Before looking, so that what changes while we look rings again.
        bell.rearm();
        const taskHasEnded = this.#taskHasEnded();
        const attemptHasEnded = taskHasEnded || this.#attemptHasEnded();
        const attempt = this.#attempt();
        if (attempt) await this.copy(response, this.#options.outputs.sizeOf(attempt.id));
        if (attemptHasEnded && intoNextAttempts && this.#hasNextAttempt()) this.#nextAttempt();
        else if (taskHasEnded || (attemptHasEnded && !intoNextAttempts)) return;
        else await bell.rung;
      }
    } finally {
      silence();
    }
  }

  close(): void {
    this.#file?.close();
    this.#file = null;
  }

  #attempt(): Pick<AttemptRecord, "id"> | null {
    if (this.#file) return { id: this.#file.attemptId };
    const { history, jobId, taskIndex } = this.#options;
    return history.attempt(jobId, taskIndex, this.#number);
  }

  #openFile(): OutputFile | null {
    const attempt = this.#attempt();
    if (attempt) this.#file ??= new OutputFile(attempt.id);
    return this.#file;
  }

  /** Ended durably: what has left memory was committed as ended. */
  #attemptHasEnded(): boolean {
    const attempt = this.#attempt();
    return attempt !== null && this.#options.engine.fleet.attempts.get(attempt.id) === undefined;
  }

  #taskHasEnded(): boolean {
    return this.#options.engine.fleet.task(this.#options.jobId, this.#options.taskIndex) === undefined;
  }

  #hasNextAttempt(): boolean {
    const { history, jobId, taskIndex } = this.#options;
    return history.attempt(jobId, taskIndex, this.#number + 1) !== null;
  }

  #nextAttempt(): void {
    this.close();
    this.#number++;
    this.#offset = 0;
  }
}

/** Rings once until it is armed again. */
class Bell {
  rung: Promise<void> = Promise.resolve();
  #ring: () => void = () => {};

  rearm(): void {
    this.rung = new Promise((resolve) => (this.#ring = resolve));
  }

  ring(): void {
    this.#ring();
  }
}

/** Resolves when the kernel has the bytes, so that the buffer can be used again and a slow reader holds one. */
function send(response: ServerResponse, bytes: Uint8Array): Promise<void> {
  return new Promise((resolve) => {
    if (response.destroyed) resolve();
    else response.write(bytes, () => resolve());
  });
}
