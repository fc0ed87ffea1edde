import { closeSync, constants, openSync, readSync } from "node:fs";
import { createKernelLogReader, type XidEvent } from "../parse/kernel-log.ts";

/** proc(5) and Documentation/ABI/testing/dev-kmsg: each read yields one record, at most this long. */
const RECORD_BYTES = 8192;
/** More than the kernel remembers; a log that is flooded faster than it is read is read on at the next call. */
const MAX_RECORDS_PER_CALL = 50_000;

export interface KernelLogSource {
  readonly isReadable: boolean;
  /** What was written since the last call; the first call reads all that the kernel remembers of this boot. */
  read(): XidEvent[];
  close(): void;
}

/** Without the right to read it (in most containers) there is nothing to tell, and that is no error. */
export function openKernelLog(path = "/dev/kmsg"): KernelLogSource {
  let fd: number | null;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch {
    fd = null;
  }
  const readLine = createKernelLogReader();
  const record = Buffer.alloc(RECORD_BYTES);
  return {
    isReadable: fd !== null,
    read() {
      const events: XidEvent[] = [];
      for (let n = 0; fd !== null && n < MAX_RECORDS_PER_CALL; n++) {
        const text = readRecord(fd, record);
        if (text === null) break;
        for (const line of text.split("\n")) {
          // `6,1234,5678,-;NVRM: Xid …`: what stands before the semicolon is the kernel's own.
          const event = readLine(line.replace(/^\d{1,4},\d{1,20},\d{1,20},[^;]{0,40};/, ""));
          if (event !== null) events.push(event);
        }
      }
      return events;
    },
    close() {
      if (fd !== null) closeSync(fd);
      fd = null;
    },
  };
}

/** `null` where there is nothing more to read for now. */
function readRecord(fd: number, record: Buffer): string | null {
  for (;;) {
    try {
      const length = readSync(fd, record);
      return length === 0 ? null : record.toString("utf8", 0, length);
    } catch (error) {
      // EPIPE: records were overwritten before we came; the next read goes on with what is left.
      if (!(error instanceof Error && "code" in error && error.code === "EPIPE")) return null;
    }
  }
}
