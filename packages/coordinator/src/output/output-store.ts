import { dirname, join } from "node:path";
import type { AttemptId } from "@drover/shared/domain/ids.ts";
import type { OutputFiles } from "./output-files.ts";

/** IOV_MAX of Linux: more in one call is EINVAL. */
const MAX_WRITE_CHUNKS = 1024;

/** What is left of the chunks after their first `count` bytes. */
function dropBytes(chunks: Uint8Array[], count: number): Uint8Array[] {
  let left = count;
  let index = 0;
  for (const chunk of chunks) {
    if (chunk.byteLength > left) break;
    left -= chunk.byteLength;
    index++;
  }
  const rest = chunks.slice(index);
  if (rest[0] && left > 0) rest[0] = rest[0].subarray(left);
  return rest;
}

/** Output being written; dropped when the attempt has ended, so that few files are open. */
interface Writing {
  fd: number;
  /** Bytes on disk, as far as the kernel has been told. */
  sizeBytes: number;
  /** `sizeBytes` and what is queued behind it. */
  acceptedBytes: number;
  queue: Uint8Array[];
  /** Set while a write is in flight. */
  draining: Promise<void> | null;
}

/**
 * The output of every attempt, one plain file each: `output/<job>/<attempt>.log`. A retry is another
 * attempt and so another file; nothing is ever overwritten.
 */
export class OutputStore {
  readonly #files: OutputFiles;
  readonly #directory: string;
  readonly #onGrowth: (attemptId: AttemptId) => void;
  readonly #writings = new Map<AttemptId, Writing>();
  readonly #doubtful = new Set<AttemptId>();
  #onRelied: () => void = () => {};

  constructor(files: OutputFiles, dataDir: string, onGrowth: (attemptId: AttemptId) => void) {
    this.#files = files;
    this.#directory = join(dataDir, "output");
    this.#onGrowth = onGrowth;
  }

  /** How much of the attempt's output is stored; what a reader may read. */
  sizeOf(attemptId: AttemptId): number {
    const writing = this.#writings.get(attemptId);
    if (writing) return writing.sizeBytes;
    return this.#files.sizeOf(this.#fileOf(attemptId));
  }

  /**
   * Appends the part of `payload` that is not stored yet; a payload beyond the end is not taken, because
   * what lies between is missing. Resolves to the stored size once the kernel has the bytes.
   */
  async append(attemptId: AttemptId, offset: number, payload: Uint8Array): Promise<number> {
    const writing = this.#writingOf(attemptId);
    const isNew = offset <= writing.acceptedBytes && offset + payload.byteLength > writing.acceptedBytes;
    if (isNew) {
      const fresh = payload.subarray(writing.acceptedBytes - offset);
      writing.queue.push(fresh);
      writing.acceptedBytes += fresh.byteLength;
      writing.draining ??= this.#drain(attemptId, writing);
    }
    await writing.draining;
    return writing.sizeBytes;
  }

  /** Makes what is stored survive a power cut, and closes the file. Resolves to the size. */
  async seal(attemptId: AttemptId): Promise<number> {
    const writing = this.#writings.get(attemptId);
    // While anything is queued: what was sent before the seal belongs under it.
    while (writing?.draining) await writing.draining;
    if (writing) this.#close(attemptId);
    const sizeBytes = this.sizeOf(attemptId);
    if (sizeBytes === 0) return 0;
    try {
      // Opened anew, whoever wrote it: after a restart nobody knows what of it was ever synced. The names on
      // the way to it too, or it may be missing after a power cut.
      const file = this.#fileOf(attemptId);
      for (const path of [file, dirname(file), this.#directory, dirname(this.#directory)]) await this.#files.sync(path);
    } catch (error) {
      // Once told of bytes that it could not write, the kernel forgets them, and would let the next sync pass.
      this.doubt([attemptId]);
      throw error;
    }
    return this.reliableBytesOf(attemptId);
  }

  /** How much the agent need not send again. */
  reliableBytesOf(attemptId: AttemptId): number {
    return this.#doubtful.has(attemptId) ? 0 : this.sizeOf(attemptId);
  }

  /**
   * What is stored of these may be damaged: their agents are to send all of it again. It stays for readers
   * until they do, because an agent may never come back. `onRelied` is called when the last has been replaced.
   */
  doubt(attemptIds: readonly AttemptId[], onRelied?: () => void): void {
    for (const attemptId of attemptIds) {
      this.#close(attemptId);
      this.#doubtful.add(attemptId);
    }
    if (onRelied) this.#onRelied = onRelied;
  }

  #dropDoubtful(attemptId: AttemptId): void {
    if (!this.#doubtful.delete(attemptId)) return;
    if (this.sizeOf(attemptId) > 0) this.#files.empty(this.#fileOf(attemptId));
    if (this.#doubtful.size === 0) this.#onRelied();
  }

  /** Nothing more will come for now: the node is gone or the attempt is over. */
  #close(attemptId: AttemptId): void {
    const writing = this.#writings.get(attemptId);
    if (!writing) return;
    this.#writings.delete(attemptId);
    this.#files.close(writing.fd);
  }

  /** Up to `buffer.byteLength` bytes from `offset`, only of what `sizeOf` counts. Resolves to how many. */
  async read(file: OutputFile, buffer: Uint8Array, offset: number): Promise<number> {
    const available = this.sizeOf(file.attemptId) - offset;
    if (available <= 0) return 0;
    const fd = file.open(this.#files, this.#fileOf(file.attemptId));
    return this.#files.read(fd, buffer.subarray(0, Math.min(buffer.byteLength, available)), offset);
  }

  async close(): Promise<void> {
    await Promise.allSettled([...this.#writings.keys()].map((attemptId) => this.seal(attemptId)));
  }

  async #drain(attemptId: AttemptId, writing: Writing): Promise<void> {
    try {
      // All that gathered during the write before goes in one: small frames then cost few system calls.
      for (let chunks = writing.queue.splice(0); chunks.length > 0; chunks = writing.queue.splice(0)) {
        await this.#writeAll(writing, chunks);
        this.#onGrowth(attemptId);
      }
    } catch (error) {
      // What was accepted behind the failed write is not stored: the agent still has it and sends it again.
      this.#close(attemptId);
      throw error;
    } finally {
      writing.draining = null;
    }
  }

  async #writeAll(writing: Writing, chunks: Uint8Array[]): Promise<void> {
    for (let rest = chunks; rest.length > 0;) {
      const bytesWritten = await this.#files.write(writing.fd, rest.slice(0, MAX_WRITE_CHUNKS), writing.sizeBytes);
      writing.sizeBytes += bytesWritten;
      rest = dropBytes(rest, bytesWritten);
    }
  }

  #writingOf(attemptId: AttemptId): Writing {
    const known = this.#writings.get(attemptId);
    if (known) return known;
    const file = this.#fileOf(attemptId);
    this.#files.makeDirectory(dirname(file));
    this.#dropDoubtful(attemptId);
    const sizeBytes = this.#files.sizeOf(file);
    const fd = this.#files.openForWriting(file);
    const writing: Writing = { fd, sizeBytes, acceptedBytes: sizeBytes, queue: [], draining: null };
    this.#writings.set(attemptId, writing);
    return writing;
  }

  #fileOf(attemptId: AttemptId): string {
    return join(this.#directory, attemptId.slice(0, attemptId.indexOf(".")), `${attemptId}.log`);
  }
}

/** A reader's handle on one attempt's output; opened at the first byte, because there may be none. */
export class OutputFile {
  readonly attemptId: AttemptId;
  #opened: { files: OutputFiles; fd: number } | null = null;

  constructor(attemptId: AttemptId) {
    this.attemptId = attemptId;
  }

  open(files: OutputFiles, path: string): number {
    this.#opened ??= { files, fd: files.openForReading(path) };
    return this.#opened.fd;
  }

  close(): void {
    this.#opened?.files.close(this.#opened.fd);
    this.#opened = null;
  }
}
