import {
  closeSync,
  existsSync,
  fstatSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  readdirSync,
  renameSync,
  rmdirSync,
  statSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from "node:fs";

/** A file open for reading while somebody else still appends to it. */
export interface ReadableFile {
  sizeBytes(): number;
  /** Reads into `target` from `targetStart` on; yields how many bytes it read, 0 at the end. */
  read(target: Uint8Array, targetStart: number, offset: number): number;
  close(): void;
}

/** A file of fixed size that is overwritten in place. */
export interface OverwrittenFile {
  overwrite(text: string): void;
  close(): void;
}

export interface WriteOptions {
  mode: number;
  /** Survives a power loss once written; where it is not asked for, only a crash of this process. */
  sync?: boolean;
}

/**
 * The file system as the agent uses it, /proc included. Synchronous on purpose: each call touches a few hundred
 * bytes that lie in the page cache; at hundreds of attempts per second a trip through the thread pool costs several
 * times the call itself, and code without awaits in between needs no locks.
 *
 * Whatever does not work throws what node:fs throws, unless the line says otherwise.
 */
export interface FileSystem {
  makeDirectory(path: string, options: { mode: number; recursive?: boolean }): void;
  exists(path: string): boolean;
  /** `null` where there is none. */
  sizeOf(path: string): number | null;
  /** `null` where there is none. */
  readText(path: string): string | null;
  writeText(path: string, text: string, options: WriteOptions): void;
  rename(path: string, newPath: string): void;
  /** False where the new name is taken: of all who try, one succeeds. */
  link(path: string, newPath: string): boolean;
  list(directory: string): string[];
  /** The names in it, as they are now, survive a power loss. */
  syncDirectory(directory: string): void;
  removeFile(path: string): void;
  removeDirectory(path: string): void;
  /** `null` where there is none. */
  openForReading(path: string): ReadableFile | null;
  /** Made with this text where there is none of its length, so that overwriting it needs no room on the disk. */
  openForOverwriting(path: string, initialText: string): OverwrittenFile;
}

export const nodeFileSystem: FileSystem = {
  makeDirectory: (path, options) => void mkdirSync(path, options),
  exists: existsSync,
  sizeOf: (path) => statSync(path, { throwIfNoEntry: false })?.size ?? null,
  readText: (path) => unlessAbsent(() => readFileSync(path, "utf8")),
  writeText: (path, text, { mode, sync = false }) => writeFileSync(path, text, { mode, flush: sync }),
  rename: renameSync,
  link(path, newPath) {
    try {
      linkSync(path, newPath);
      return true;
    } catch (error) {
      if (hasCode(error, "EEXIST")) return false;
      throw error;
    }
  },
  list: (directory) => readdirSync(directory),
  syncDirectory(directory) {
    const fd = openSync(directory, "r");
    try {
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
  },
  removeFile: unlinkSync,
  removeDirectory: rmdirSync,
  openForReading(path) {
    const fd = unlessAbsent(() => openSync(path, "r"));
    if (fd === null) return null;
    return {
      sizeBytes: () => fstatSync(fd).size,
      read: (target, targetStart, offset) => readSync(fd, target, targetStart, target.byteLength - targetStart, offset),
      close: () => closeSync(fd),
    };
  },
  openForOverwriting(path, initialText) {
    const fd = unlessAbsent(() => openSync(path, "r+")) ?? openSync(path, "w+", 0o600);
    if (fstatSync(fd).size < initialText.length) writeSync(fd, initialText, 0);
    return { overwrite: (text) => void writeSync(fd, text, 0), close: () => closeSync(fd) };
  },
};

export function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}

function unlessAbsent<T>(read: () => T): T | null {
  try {
    return read();
  } catch (error) {
    if (hasCode(error, "ENOENT")) return null;
    throw error;
  }
}
