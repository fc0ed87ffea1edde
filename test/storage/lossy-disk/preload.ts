import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, realpathSync, renameSync } from "node:fs";
import { join } from "node:path";
import { CHECKOUT } from "../../support/local-fleet.ts";

export interface LossyDiskPaths {
  /** The directory whose files are followed. */
  root: string;
  journal: string;
  /** While this file is there, syncs of paths that end with its text fail. */
  faults?: string;
}

/** The environment under which a program's doings below `root` are written down. */
export function preload({ root, journal, faults }: LossyDiskPaths): Record<string, string> {
  return {
    LD_PRELOAD: build(),
    LOSSY_DISK_ROOT: realpathSync(root),
    LOSSY_DISK_JOURNAL: journal,
    ...(faults === undefined ? {} : { LOSSY_DISK_FAULTS: faults }),
    // Its calls would go past us.
    UV_USE_IO_URING: "0",
  };
}

/** Once for each state of the source; several test files may come here at the same time. */
function build(): string {
  const source = join(import.meta.dirname, "lossy-disk.c");
  const folder = join(CHECKOUT, ".drover/lossy-disk");
  const library = join(folder, `${checksumOf([source, join(import.meta.dirname, "journal.h")])}.so`);
  if (existsSync(library)) return library;
  mkdirSync(folder, { recursive: true });
  const unfinished = `${library}.${process.pid}`;
  execFileSync("cc", ["-O1", "-Wall", "-Wextra", "-shared", "-fPIC", "-o", unfinished, source]);
  renameSync(unfinished, library);
  return library;
}

function checksumOf(files: readonly string[]): string {
  const hash = createHash("sha256");
  for (const file of files) hash.update(readFileSync(file));
  return hash.digest("hex").slice(0, 16);
}
