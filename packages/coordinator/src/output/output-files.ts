import { closeSync, constants, mkdirSync, openSync, read, statSync, truncateSync, writev } from "node:fs";
import { open } from "node:fs/promises";
import { promisify } from "node:util";

/** The file system as the output store uses it. Whatever does not work throws or rejects as node:fs does. */
export interface OutputFiles {
  makeDirectory(path: string): void;
  /** 0 where there is none. */
  sizeOf(path: string): number;
  /** Leaves nothing of what is in it. */
  empty(path: string): void;
  openForWriting(path: string): number;
  openForReading(path: string): number;
  close(fd: number): void;
  /** Writes some of the chunks at `position`; resolves to how many bytes the kernel took. */
  write(fd: number, chunks: Uint8Array[], position: number): Promise<number>;
  /** Fills `buffer` as far as there is something; resolves to how many bytes. */
  read(fd: number, buffer: Uint8Array, position: number): Promise<number>;
  /** What was written to this file, or made in this directory, survives a power cut from then on. */
  sync(path: string): Promise<void>;
}

const readAsync = promisify(read);

export const nodeOutputFiles: OutputFiles = {
  makeDirectory: (path) => void mkdirSync(path, { recursive: true, mode: 0o700 }),
  sizeOf: (path) => statSync(path, { throwIfNoEntry: false })?.size ?? 0,
  empty: (path) => truncateSync(path, 0),
  // Not O_APPEND: each write names its offset, so that a write torn by a full disk is written over.
  openForWriting: (path) => openSync(path, constants.O_WRONLY | constants.O_CREAT, 0o600),
  openForReading: (path) => openSync(path, "r"),
  close: closeSync,
  write: (fd, chunks, position) =>
    new Promise((resolve, reject) => {
      writev(fd, chunks, position, (error, bytesWritten) => (error ? reject(error) : resolve(bytesWritten)));
    }),
  async read(fd, buffer, position) {
    const { bytesRead } = await readAsync(fd, buffer, 0, buffer.byteLength, position);
    return bytesRead;
  },
  async sync(path) {
    await using file = await open(path, "r");
    await file.sync();
  },
};
