import { spawnSync } from "node:child_process";
import { chmodSync } from "node:fs";
import { arch } from "node:os";
import { dirname, join } from "node:path";
import { CannotMake, type Target } from "./target.ts";

const SOURCE = join(dirname(dirname(import.meta.dirname)), "packages/agent/native/supervisor.c");

interface Toolchain {
  /** Names another compiler. */
  variable: string;
  /** As Debian calls the one for a machine of another kind. */
  crossCompiler: string;
  package: string;
}

const TOOLCHAINS: Readonly<Record<Target, Toolchain>> = {
  "linux-x64": {
    variable: "DROVER_CC_LINUX_X64",
    crossCompiler: "x86_64-linux-gnu-gcc",
    package: "gcc-x86-64-linux-gnu libc6-dev-amd64-cross",
  },
  "linux-arm64": {
    variable: "DROVER_CC_LINUX_ARM64",
    crossCompiler: "aarch64-linux-gnu-gcc",
    package: "gcc-aarch64-linux-gnu libc6-dev-arm64-cross",
  },
};

/** The compiler for this target on this machine; `null` where there is none. */
export function findCompiler(target: Target): string | null {
  const { variable, crossCompiler } = TOOLCHAINS[target];
  const compiler = process.env[variable] ?? (target === `linux-${arch()}` ? "cc" : crossCompiler);
  return spawnSync(compiler, ["--version"]).status === 0 ? compiler : null;
}

/** Static: a node needs neither a compiler nor a libc of ours. Throws `CannotMake`. */
export function compileSupervisor(target: Target, program: string): void {
  const { variable, package: packages } = TOOLCHAINS[target];
  const compiler = findCompiler(target);
  if (compiler === null)
    throw new CannotMake(
      `there is no C compiler for ${target}, so nothing is made for it; install one (apt install ${packages}), or name one in ${variable}`,
    );
  const flags = ["-O2", "-Wall", "-Wextra", "-Werror", "-std=c11", "-static", "-s"];
  const { status, stderr } = spawnSync(compiler, [...flags, "-o", program, SOURCE], { encoding: "utf8" });
  if (status !== 0) throw new CannotMake(`the supervisor does not compile for ${target}: ${stderr}`);
  chmodSync(program, 0o755);
}
