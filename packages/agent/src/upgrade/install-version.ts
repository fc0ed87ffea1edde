import { execFile } from "node:child_process";
import { mkdirSync, readdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { folderOf } from "./installation.ts";

const run = promisify(execFile);
const STEP_TIMEOUT_MS = 60_000;

/** Unpacks an archive that was verified beside the other versions, and tries whether it starts. */
export async function installVersion(prefix: string, version: string, archive: string, sha256: string): Promise<void> {
  const folder = folderOf(prefix, version);
  // Beside its place and then renamed: one that was cut off is never taken for a whole one.
  const incoming = folderOf(prefix, "incoming");
  rmSync(incoming, { recursive: true, force: true });
  mkdirSync(incoming);
  await run("tar", ["-xzf", archive, "-C", incoming, "--strip-components=1", "--no-same-owner"], {
    timeout: STEP_TIMEOUT_MS,
  });
  writeFileSync(join(incoming, "SHA256"), `${sha256}\n`);
  const { stdout } = await run(join(incoming, "drover-agent"), ["--version"], { timeout: STEP_TIMEOUT_MS });
  if (stdout.trim() !== version) throw new Error(`the archive of ${version} holds ${stdout.trim()}`);
  rmSync(folder, { recursive: true, force: true });
  renameSync(incoming, folder);
}

/** At once for whoever starts it: either the one or the other. */
export function switchTo(prefix: string, version: string): void {
  const link = join(prefix, "current");
  rmSync(`${link}.new`, { force: true });
  symlinkSync(join("versions", version), `${link}.new`);
  renameSync(`${link}.new`, link);
}

/** Two are kept: the one that runs, and the one that is gone back to. */
export function removeOthers(prefix: string, kept: readonly string[]): void {
  for (const name of readdirSync(join(prefix, "versions")))
    if (!kept.includes(name)) rmSync(folderOf(prefix, name), { recursive: true, force: true });
}
