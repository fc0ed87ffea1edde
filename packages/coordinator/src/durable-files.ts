import { closeSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import { dirname, resolve } from "node:path";

/**
 * What a power cut leaves of a file is decided twice: by a sync of the file for its bytes, and by a sync of
 * the directory for its name, after a create, a rename or a removal.
 */
export function syncPath(path: string): void {
  const fd = openSync(path, "r");
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** Makes a directory and those missing above it, each with a name that survives a power cut. */
export function makeDirectory(path: string): void {
  const wanted = resolve(path);
  const first = mkdirSync(wanted, { recursive: true, mode: 0o700 });
  if (first === undefined) return;
  for (let made = wanted; ; made = dirname(made)) {
    syncPath(dirname(made));
    if (made === first) return;
  }
}

/** In the place of what is there, and with no reader but its owner from its first byte on. */
export function writePrivateFile(path: string, text: string): void {
  const unfinished = `${path}.incoming`;
  removeFile(unfinished);
  const fd = openSync(unfinished, "wx", 0o600);
  try {
    writeSync(fd, text);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  renameSync(unfinished, path);
  syncPath(dirname(path));
}

/** Gone for good, where it was there. */
export function removeFile(path: string): void {
  rmSync(path, { force: true });
  syncPath(dirname(path));
}
