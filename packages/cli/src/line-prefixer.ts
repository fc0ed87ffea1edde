const NEWLINE = 0x0a;

/** Longer lines are broken here: a task that never ends its line must not fill our memory. */
const MAX_LINE_BYTES = 64 * 1024;

/**
 * Cuts a stream of bytes into lines and puts a prefix before each, so that the lines of several tasks can
 * be told apart and are never mixed within one line. Works on bytes: what a task writes need not be text.
 */
export class LinePrefixer {
  readonly #prefix: Buffer;
  #unfinished: Uint8Array[] = [];
  #unfinishedBytes = 0;

  constructor(prefix: string) {
    this.#prefix = Buffer.from(prefix);
  }

  /** The whole lines that are complete with these bytes. */
  push(bytes: Uint8Array): Buffer {
    const parts: Uint8Array[] = [];
    let start = 0;
    for (let end = bytes.indexOf(NEWLINE); end !== -1; end = bytes.indexOf(NEWLINE, start)) {
      this.#keep(bytes.subarray(start, end + 1));
      parts.push(this.#prefix, ...this.#take());
      start = end + 1;
    }
    if (start < bytes.byteLength) this.#keep(bytes.subarray(start));
    if (this.#unfinishedBytes > MAX_LINE_BYTES) parts.push(this.finish());
    return Buffer.concat(parts);
  }

  /** A last line that its task did not end; ended here, so that the next task's line begins on its own. */
  finish(): Buffer {
    if (this.#unfinishedBytes === 0) return Buffer.alloc(0);
    return Buffer.concat([this.#prefix, ...this.#take(), Buffer.from([NEWLINE])]);
  }

  #keep(bytes: Uint8Array): void {
    this.#unfinished.push(bytes);
    this.#unfinishedBytes += bytes.byteLength;
  }

  #take(): Uint8Array[] {
    const line = this.#unfinished;
    this.#unfinished = [];
    this.#unfinishedBytes = 0;
    return line;
  }
}
