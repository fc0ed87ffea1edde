import { createReadStream, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { DroverError } from "@drover/shared/errors.ts";

const CHECKSUMS = "SHA256SUMS";
const ARCHIVE = /  drover-(\d\S*?)-linux-(?:x64|arm64)\.tar\.gz$/;
/** No path, and nothing hidden. */
const FILE_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;

/** The folder with what `npm run release` made, for machines that join or are upgraded. It is read anew each time. */
export interface Artifacts {
  /** Throws `artifacts.notFound`. */
  readText(name: string): string;
  /** Throws `artifacts.notFound`. */
  open(name: string): { sizeBytes: number; stream: Readable };
  /** As the checksums say; `null`: they do not name it. */
  sha256Of(name: string): string | null;
  /** Those of which there is at least one archive, in the order of the checksums. */
  versions(): string[];
  /** The lines of the checksums that are of archives. */
  archiveChecksums(): string[];
}

export function openArtifacts(folder: string): Artifacts {
  function find(name: string): { path: string; sizeBytes: number } {
    const path = join(folder, name);
    const status = FILE_NAME.test(name) ? statSync(path, { throwIfNoEntry: false }) : undefined;
    if (!status?.isFile()) throw new DroverError("artifacts.notFound", `There is no ${name} in ${folder}.`);
    return { path, sizeBytes: status.size };
  }
  return {
    readText: (name) => readFileSync(find(name).path, "utf8"),
    open(name) {
      const { path, sizeBytes } = find(name);
      return { sizeBytes, stream: createReadStream(path) };
    },
    sha256Of(name) {
      const line = this.readText(CHECKSUMS)
        .split("\n")
        .find((one) => one.endsWith(`  ${name}`));
      return line?.slice(0, -`  ${name}`.length) ?? null;
    },
    versions() {
      const versions = this.archiveChecksums().map((line) => ARCHIVE.exec(line)?.[1]);
      return [...new Set(versions.filter((version) => version !== undefined))];
    },
    archiveChecksums() {
      return this.readText(CHECKSUMS)
        .split("\n")
        .filter((line) => ARCHIVE.test(line));
    },
  };
}
