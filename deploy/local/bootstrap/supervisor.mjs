import { mkdirSync, readdirSync, renameSync, statSync } from "node:fs";
import { join } from "node:path";
import { CHECKOUT } from "./paths.mjs";
import { StepFailed, endOf, runQuietly, say } from "./step.mjs";

const NATIVE = join(CHECKOUT, "packages", "agent", "native");
const SOURCE = join(NATIVE, "supervisor.c");
const PROGRAM = join(NATIVE, "build", "drover-supervisor");

export function isSupervisorBuilt() {
  const built = statSync(PROGRAM, { throwIfNoEntry: false });
  return built !== undefined && sourceFiles().every((file) => built.mtimeMs >= statSync(file).mtimeMs);
}

function sourceFiles() {
  return readdirSync(NATIVE)
    .filter((file) => file.endsWith(".c") || file.endsWith(".h"))
    .map((file) => join(NATIVE, file));
}

/** Compiles the small program that stands over every attempt. */
export async function buildSupervisor(env) {
  say("compiling the agent's supervisor");
  const found = await runQuietly("cc", ["--version"], { env });
  if (!found.ok) {
    throw new StepFailed("there is no C compiler (cc); install one, for example with: apt install gcc libc6-dev");
  }
  mkdirSync(join(NATIVE, "build"), { recursive: true });
  const incoming = `${PROGRAM}.incoming`;
  const compile = (...flags) =>
    runQuietly("cc", ["-O2", "-Wall", "-Wextra", "-std=c11", ...flags, "-o", incoming, SOURCE], { env });
  // Static where the machine has a static libc: smaller in memory, one process per attempt.
  let build = await compile("-static");
  if (!build.ok) build = await compile();
  if (!build.ok) throw new StepFailed(`the agent's supervisor does not compile\n${endOf(build.output)}`);
  renameSync(incoming, PROGRAM);
}
