import { closeSync, fsyncSync, mkdirSync, openSync, rmSync } from "node:fs";
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

/** Gone for good, where it was there. */
export function removeFile(path: string): void {
  rmSync(path, { force: true });
  syncPath(dirname(path));
}
