import { write, writeSync } from "node:fs";
import type { Clock } from "@drover/shared/clock.ts";

const RETRY_MS = 50;
/** Beyond this much unwritten text new lines are dropped: a stuck reader must not cost the daemon its memory. */
const MAX_PENDING_CHARS = 16 * 1024 * 1024;

/**
 * Writes log lines to a file descriptor without ever blocking the event loop or failing: while one write
 * is under way the next lines gather, and when the reader is gone (EPIPE) there is nobody left to tell.
 */
export class LogSink {
  readonly #fd: number;
  readonly #clock: Clock;
  #pending = "";
  #isWriting = false;
  #isBroken = false;
  #droppedCount = 0;

  constructor(fd: number, clock: Clock) {
    this.#fd = fd;
    this.#clock = clock;
  }

  write(line: string): void {
    if (this.#isBroken) return;
    if (this.#pending.length > MAX_PENDING_CHARS) {
      this.#droppedCount++;
      return;
    }
    if (this.#droppedCount > 0) {
      this.#pending += `${JSON.stringify({ level: "warn", event: "log.dropped", lines: this.#droppedCount })}\n`;
      this.#droppedCount = 0;
    }
    this.#pending += line;
    if (!this.#isWriting) this.#writePending();
  }

  /** The last lines, before the process ends. */
  flushSync(): void {
    if (this.#isBroken) return;
    try {
      writeSync(this.#fd, this.#pending);
    } catch {
      // The process ends either way.
    }
    this.#pending = "";
  }

  #writePending(): void {
    const chunk = Buffer.from(this.#pending);
    this.#pending = "";
    this.#isWriting = true;
    this.#writeFrom(chunk, 0);
  }

  #writeFrom(chunk: Buffer, start: number): void {
    write(this.#fd, chunk, start, (error, bytesWritten) => {
      if (error && error.code !== "EAGAIN") {
        this.#isBroken = true;
        this.#pending = "";
        return;
      }
      if (error) {
        // The reader is behind, on a pipe that does not block: look again later, not all the time.
        this.#clock.callAfter(RETRY_MS, () => this.#writeFrom(chunk, start));
        return;
      }
      const next = start + bytesWritten;
      if (next < chunk.byteLength) this.#writeFrom(chunk, next);
      else if (this.#pending !== "") this.#writePending();
      else this.#isWriting = false;
    });
  }
}
