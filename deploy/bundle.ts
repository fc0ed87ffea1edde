/**
 * `npm run bundle [-- DIR]`: the programs as they are delivered, in DIR (default: dist/):
 *
 *   drover-coordinator.mjs, drover-agent.mjs, drover.mjs   one file each
 *   node_modules/better-sqlite3/                           the native addon that the coordinator loads
 *   supervisor files                                       what the agent keeps beside it
 */
import { chmodSync, cpSync, existsSync, mkdirSync, realpathSync, rmSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { build } from "esbuild";

const ROOT = dirname(import.meta.dirname);

const PROGRAMS = {
  "drover-coordinator": "./packages/coordinator/src/main.ts",
  "drover-agent": "./packages/agent/src/main.ts",
  drover: "./packages/cli/src/main.ts",
} as const;
export type Program = keyof typeof PROGRAMS;

/** Fastify and others are CommonJS and call `require` at run time, which an ES module does not have. */
const REQUIRE =
  'import { createRequire as __createRequire } from "node:module"; const require = __createRequire(import.meta.url);';

/** Writes the programs into `folder`; whatever it held of an earlier bundle is replaced. */
export async function bundle(
  folder: string,
  programs: readonly Program[] = Object.keys(PROGRAMS) as Program[],
): Promise<void> {
  mkdirSync(folder, { recursive: true });
  await Promise.all(programs.map((program) => bundleProgram(program, join(folder, `${program}.mjs`))));
  if (programs.includes("drover-coordinator")) copyAddon(join(folder, "node_modules/better-sqlite3"));
  if (programs.includes("drover-agent")) copySupervisor(folder);
}

/** Without the detour of bin/, which is there for machines whose Node is too old. */
async function bundleProgram(program: Program, outfile: string): Promise<void> {
  await build({
    stdin: {
      contents: `import { main } from "${PROGRAMS[program]}"; await main();`,
      resolveDir: ROOT,
      loader: "ts",
    },
    outfile,
    bundle: true,
    platform: "node",
    target: "node24",
    format: "esm",
    // Names stay, so that stack traces and profiles of a delivered program can be read.
    minifySyntax: true,
    minifyWhitespace: true,
    legalComments: "none",
    external: ["better-sqlite3"],
    banner: { js: `#!/usr/bin/env node\n${REQUIRE}` },
    logLevel: "warning",
  });
  chmodSync(outfile, 0o755);
}

/** Only what is loaded at run time: no sources of SQLite. */
function copyAddon(target: string): void {
  const source = realpathSync(join(ROOT, "packages/coordinator/node_modules/better-sqlite3"));
  rmSync(target, { recursive: true, force: true });
  for (const part of ["package.json", "LICENSE", "lib", "prebuilds"]) {
    if (existsSync(join(source, part)))
      cpSync(join(source, part), join(target, part), { recursive: true, dereference: true });
  }
}

function copySupervisor(folder: string): void {
  const built = join(ROOT, "packages/agent/native/build");
  if (existsSync(built)) cpSync(built, folder, { recursive: true });
}

if (import.meta.main) {
  const folder = resolve(process.argv[2] ?? join(ROOT, "dist"));
  await bundle(folder);
  process.stdout.write(`${folder}\n`);
}
