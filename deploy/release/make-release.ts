import { createHash } from "node:crypto";
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { ALL_PROGRAMS, addonSource, bundleProgram, copyAddon } from "../bundle.ts";
import { billOfMaterials, componentOf, packagesOf, type Component } from "./bill-of-materials.ts";
import { getNodeRuntime, NODE_SHA256, NODE_VERSION } from "./node-runtime.ts";
import { compileSupervisor } from "./supervisor.ts";
import { tarOf } from "./tar.ts";
import { CannotMake, type Target } from "./target.ts";

const ROOT = dirname(dirname(import.meta.dirname));
const DEPLOY = join(ROOT, "deploy");

export interface ReleaseOptions {
  version: string;
  targets: readonly Target[];
  /** Of gzip: 1 (quick) to 9 (small). */
  compression: number;
}

export interface Release {
  /** What lies in the folder now, SHA256SUMS aside. */
  files: string[];
  /** Why there is nothing for a target that was asked for. */
  missing: string[];
}

/**
 * Everything of one version, in `folder`: an archive for each target, a bill of materials, the install script, and the
 * checksums of all of them. The same sources and compilers make the same bytes.
 */
export async function makeRelease(folder: string, { version, targets, compression }: ReleaseOptions): Promise<Release> {
  const work = mkdtempSync(join(tmpdir(), "drover-release-"));
  try {
    const programs = join(work, "programs");
    mkdirSync(programs);
    const inputs: string[] = [];
    for (const program of ALL_PROGRAMS)
      inputs.push(...(await bundleProgram(program, join(programs, `${program}.mjs`), version)));

    mkdirSync(folder, { recursive: true });
    const made: Target[] = [];
    const files: string[] = [];
    const missing: string[] = [];
    for (const target of targets) {
      try {
        files.push(makeArchive({ folder, work, programs, version, target, compression }));
        made.push(target);
      } catch (error) {
        if (!(error instanceof CannotMake)) throw error;
        missing.push(error.message);
      }
    }
    const bill = `drover-${version}.cdx.json`;
    const components = [...packagesOf(ROOT, inputs), componentOf(addonSource()), ...made.map(nodeComponent)];
    writeFileSync(join(folder, bill), billOfMaterials(version, components));
    copyFileSync(join(DEPLOY, "install.sh"), join(folder, "install.sh"));
    files.push(bill, "install.sh");
    writeChecksums(folder, files);
    return { files, missing };
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

interface ArchiveParts {
  folder: string;
  work: string;
  programs: string;
  version: string;
  target: Target;
  compression: number;
}

/** Returns the archive's name. */
function makeArchive({ folder, work, programs, version, target, compression }: ArchiveParts): string {
  const name = `drover-${version}-${target}`;
  const tree = join(work, name);
  const lib = join(tree, "lib");
  mkdirSync(lib, { recursive: true });
  compileSupervisor(target, join(lib, "drover-supervisor"));
  const runtime = getNodeRuntime(target);
  copyFileSync(runtime.program, join(lib, "node"));
  chmodSync(join(lib, "node"), 0o755);
  copyFileSync(runtime.license, join(lib, "LICENSE.node"));
  cpSync(programs, lib, { recursive: true });
  copyAddon(join(lib, "node_modules/better-sqlite3"), target);
  for (const program of ALL_PROGRAMS) writeStarter(join(tree, program), program);
  for (const part of ["install.sh", "systemd", "supervise.sh"])
    cpSync(join(DEPLOY, part), join(tree, part), { recursive: true });
  copyFileSync(join(ROOT, "LICENSE"), join(tree, "LICENSE"));
  writeFileSync(join(tree, "VERSION"), `${version}\n`);
  writeFileSync(join(folder, `${name}.tar.gz`), gzipSync(tarOf(tree, name), { level: compression }));
  return `${name}.tar.gz`;
}

/** Becomes the program: systemd and others know the process that they started. */
function writeStarter(path: string, program: string): void {
  const lines = [
    "#!/bin/sh",
    'here=$(dirname "$(readlink -f "$0")")',
    `exec "$here/lib/node" "$here/lib/${program}.mjs" "$@"`,
  ];
  writeFileSync(path, `${lines.join("\n")}\n`, { mode: 0o755 });
}

function nodeComponent(target: Target): Component {
  return {
    type: "platform",
    name: "node",
    version: NODE_VERSION,
    license: null,
    purl: `pkg:npm/node-${target}@${NODE_VERSION}`,
    sha256: NODE_SHA256[target],
  };
}

/** Other versions that lie in the folder keep their lines. */
function writeChecksums(folder: string, files: readonly string[]): void {
  const path = join(folder, "SHA256SUMS");
  const earlier = existsSync(path) ? readFileSync(path, "utf8").split("\n") : [];
  const kept = earlier.filter((line) => {
    const name = line.split("  ")[1];
    return name !== undefined && !files.includes(name) && existsSync(join(folder, name));
  });
  const made = files.map((file) => `${sha256(join(folder, file))}  ${file}`);
  writeFileSync(path, `${[...kept, ...made].join("\n")}\n`);
}

function sha256(file: string): string {
  return createHash("sha256").update(readFileSync(file)).digest("hex");
}
