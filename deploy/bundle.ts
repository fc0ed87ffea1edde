/**
 * The programs as they are delivered, for the release and for the benchmark:
 *
 *   drover-coordinator.mjs, drover-agent.mjs, drover.mjs   one file each
 *   node_modules/better-sqlite3/                           the native addon that the coordinator loads
 *   drover-supervisor                                      what the agent keeps beside it
 */
import { chmodSync, cpSync, existsSync, mkdirSync, realpathSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { build, type Plugin } from "esbuild";

const ROOT = dirname(import.meta.dirname);

const PROGRAMS = {
  "drover-coordinator": "./packages/coordinator/src/main.ts",
  "drover-agent": "./packages/agent/src/main.ts",
  drover: "./packages/cli/src/main.ts",
} as const;
export type Program = keyof typeof PROGRAMS;
export const ALL_PROGRAMS = Object.keys(PROGRAMS) as Program[];

/** Fastify and others are CommonJS and call `require` at run time, which an ES module does not have. */
const REQUIRE =
  'import { createRequire as __createRequire } from "node:module"; const require = __createRequire(import.meta.url);';

/** Writes programs of this machine's kind into `folder`; whatever it held of an earlier bundle is replaced. */
export async function bundle(folder: string, programs: readonly Program[]): Promise<void> {
  mkdirSync(folder, { recursive: true });
  await Promise.all(programs.map((program) => bundleProgram(program, join(folder, `${program}.mjs`), null)));
  if (programs.includes("drover-coordinator")) copyAddon(join(folder, "node_modules/better-sqlite3"), null);
  if (programs.includes("drover-agent")) copySupervisor(folder);
}

/**
 * Without the detour of bin/, which is there for machines whose Node is too old. `version` is what the program says
 * it is, in place of what shared/src/version.ts says. Resolves to the files that went into it, from the root.
 */
export async function bundleProgram(program: Program, outfile: string, version: string | null): Promise<string[]> {
  const { metafile } = await build({
    stdin: {
      contents: `import { main } from "${PROGRAMS[program]}"; await main();`,
      resolveDir: ROOT,
      loader: "ts",
    },
    absWorkingDir: ROOT,
    outfile,
    bundle: true,
    metafile: true,
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
    plugins: version === null ? [] : [sayVersion(version)],
  });
  chmodSync(outfile, 0o755);
  return Object.keys(metafile.inputs);
}

function sayVersion(version: string): Plugin {
  return {
    name: "version",
    setup({ onLoad }) {
      onLoad({ filter: /packages\/shared\/src\/version\.ts$/ }, () => ({
        contents: `export const DROVER_VERSION = ${JSON.stringify(version)};`,
        loader: "ts",
      }));
    },
  };
}

/** Where the installed better-sqlite3 lies. */
export function addonSource(): string {
  return realpathSync(join(ROOT, "packages/coordinator/node_modules/better-sqlite3"));
}

/** Only what is loaded at run time: no sources of SQLite. `platform`, such as `linux-x64`: only what that loads. */
export function copyAddon(target: string, platform: string | null): void {
  const source = addonSource();
  rmSync(target, { recursive: true, force: true });
  const prebuilds = platform === null ? "prebuilds" : `prebuilds/${platform}.node`;
  for (const part of ["package.json", "LICENSE", "lib", prebuilds])
    cpSync(join(source, part), join(target, part), { recursive: true, dereference: true });
}

function copySupervisor(folder: string): void {
  const built = join(ROOT, "packages/agent/native/build");
  if (existsSync(built)) cpSync(built, folder, { recursive: true });
}
