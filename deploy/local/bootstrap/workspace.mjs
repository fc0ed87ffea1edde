import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CHECKOUT, STATE_DIRECTORY } from "./paths.mjs";
import { StepFailed, endOf, runQuietly, say } from "./step.mjs";
import { toolchainBin } from "./toolchain.mjs";

/** Holds the fingerprint of what the last successful install was made from. */
const STAMP = join(STATE_DIRECTORY, "installed");

export function isWorkspaceInstalled() {
  // pnpm writes this file last; it is gone when somebody deleted node_modules.
  if (!existsSync(join(CHECKOUT, "node_modules", ".modules.yaml"))) return false;
  return existsSync(STAMP) && readFileSync(STAMP, "utf8") === fingerprint();
}

export async function installWorkspace(env) {
  say("installing the packages that pnpm-lock.yaml names");
  rmSync(STAMP, { force: true });
  const install = await runQuietly(
    join(toolchainBin(), "pnpm"),
    ["install", "--frozen-lockfile", "--reporter=append-only"],
    {
      cwd: CHECKOUT,
      // CI: pnpm never asks, for instance before it replaces a node_modules of another layout.
      env: { ...env, CI: "true" },
    },
  );
  if (!install.ok) throw new StepFailed(`pnpm install failed\n${endOf(install.output)}`);
  mkdirSync(STATE_DIRECTORY, { recursive: true });
  writeFileSync(STAMP, fingerprint());
}

/** Of every file that decides what an install makes. */
function fingerprint() {
  const packageFolders = readdirSync(join(CHECKOUT, "packages")).sort();
  const files = [
    ".npmrc",
    "package.json",
    "pnpm-lock.yaml",
    "pnpm-workspace.yaml",
    ...packageFolders.map((folder) => join("packages", folder, "package.json")),
  ].map((file) => join(CHECKOUT, file));
  const hash = createHash("sha256");
  for (const file of files.filter((path) => existsSync(path))) hash.update(file).update(readFileSync(file));
  return hash.digest("hex");
}
