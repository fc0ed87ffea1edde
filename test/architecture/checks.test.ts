import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ROOT } from "./project-files.ts";

/**
 * Each checker of `npm test` meets what it is there to find, with the project's own configuration, in a
 * copy that holds nothing else. A checker that is silent about these files is silent about everything.
 */
const CONFIGURATION = [".oxlintrc.json", ".oxfmtrc.json", "tsconfig.json"];

const PLANTED: Readonly<Record<string, string>> = {
  "promises.ts": `
    async function work(): Promise<number> { return await Promise.resolve(1); }
    export function floats(): void { work(); }
    export function misuses(): void { [1].forEach(async () => { await work(); }); }
  `,
  "switch.ts": `
    export function swallows(state: "queued" | "running"): number {
      switch (state) { case "queued": return 1; default: return 2; }
    }
  `,
  "exports.ts": `
    const named = 1;
    export default named;
  `,
  "clock.ts": `
    export const now = Date.now();
    export const luck = Math.random();
    export const at = performance.now();
    export const later = setTimeout(() => undefined, 1);
    export const again = setInterval(() => undefined, 1);
  `,
  "cycle-a.ts": `import { b } from "./cycle-b.ts"; export const a = (): number => b();`,
  "cycle-b.ts": `import { a } from "./cycle-a.ts"; export const b = (): number => a();`,
  "long.ts": `export function long(x: number): number {\n${"  x += 1;\n".repeat(310)}  return x;\n}\n`,
  "complex.ts": `export function complex(x: number): number {\n${"  if (x > 1) x += 1;\n".repeat(25)}  return x;\n}\n`,
  "any.ts": `export function any(x: any): void { console.log(x!.y); throw "text"; }`,
  "types.ts": `
    enum Erasable { no }
    const list: number[] = [];
    export const first: number = list[0];
    export const state: Erasable = "no";
  `,
};

let folder = "";

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "drover-planted-"));
  const sources = join(folder, "packages/coordinator/src");
  mkdirSync(sources, { recursive: true });
  for (const name of CONFIGURATION) cpSync(join(ROOT, name), join(folder, name));
  symlinkSync(join(ROOT, "node_modules"), join(folder, "node_modules"));
  for (const [name, text] of Object.entries(PLANTED)) writeFileSync(join(sources, name), text);
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Output and exit code of a tool of the workspace, run in `cwd`. */
function run(cwd: string, program: string, ...args: string[]): { exitCode: number; output: string; stdout: string } {
  const path = [join(ROOT, "node_modules/.bin"), dirname(process.execPath), process.env["PATH"]].join(delimiter);
  try {
    const output = execFileSync(program, args, {
      cwd,
      env: { ...process.env, PATH: path },
      encoding: "utf8",
      stdio: "pipe",
    });
    return { exitCode: 0, output, stdout: output };
  } catch (error) {
    const { status, stdout, stderr } = error as { status: number; stdout: string; stderr: string };
    return { exitCode: status, output: stdout + stderr, stdout };
  }
}

describe("the linter", () => {
  let output = "";
  beforeAll(() => {
    output = run(folder, "oxlint", "--type-aware", "--format=unix").output;
  });

  it.each([
    ["promises.ts", "no-floating-promises"],
    ["promises.ts", "no-misused-promises"],
    ["switch.ts", "switch-exhaustiveness-check"],
    ["exports.ts", "no-default-export"],
    ["clock.ts", "'Date.now'"],
    ["clock.ts", "'Math.random'"],
    ["clock.ts", "'performance'"],
    ["clock.ts", "'setTimeout'"],
    ["clock.ts", "'setInterval'"],
    ["cycle-a.ts", "no-cycle"],
    ["long.ts", "(max-lines)"],
    ["long.ts", "(max-lines-per-function)"],
    ["complex.ts", "(complexity)"],
    ["any.ts", "no-explicit-any"],
    ["any.ts", "no-non-null-assertion"],
    ["any.ts", "only-throw-error"],
    ["any.ts", "no-console"],
  ])("finds in %s: %s", (file, rule) => {
    const found = output.split("\n").filter((line) => line.includes(`/${file}:`) && line.includes(rule));
    expect(found, output).not.toEqual([]);
  });
});

describe("the type check", () => {
  let output = "";
  beforeAll(() => {
    output = run(folder, "tsc", "--noEmit", "--pretty", "false").output;
  });

  it.each([
    ["an enum, which Node cannot strip", "TS1294"],
    ["an array element that may not be there", "TS2322: Type 'number | undefined'"],
  ])("finds %s", (_name, message) => {
    expect(output).toContain(message);
  });
});

describe("the format check", () => {
  it("finds a file that is not formatted", () => {
    const { exitCode, output } = run(folder, "oxfmt", "--check");
    expect(exitCode).not.toBe(0);
    expect(output).toContain("cycle-a.ts");
  });
});

describe("the check for unused code", () => {
  it("finds an export, a file and a dependency that nothing uses", () => {
    const project = join(folder, "unused");
    mkdirSync(join(project, "src"), { recursive: true });
    const manifest = { name: "planted", type: "module", main: "src/main.ts", dependencies: { zod: "*" } };
    writeFileSync(join(project, "package.json"), JSON.stringify(manifest));
    writeFileSync(join(project, "src/main.ts"), 'import { used } from "./parts.ts";\nused();\n');
    writeFileSync(join(project, "src/parts.ts"), "export const used = () => 1;\nexport const unused = () => 2;\n");
    writeFileSync(join(project, "src/orphan.ts"), "export const orphan = 1;\n");
    const { exitCode, output } = run(project, "knip", "--no-config-hints");
    expect(exitCode).not.toBe(0);
    expect(output).toMatch(/unused\s+src\/parts\.ts/);
    expect(output).toContain("src/orphan.ts");
    expect(output).toMatch(/zod\s+package\.json/);
  });
});

describe("npm test", () => {
  it("fails when it ran nothing", () => {
    const { exitCode, stdout } = run(ROOT, process.execPath, "test/run.ts", "--only", "unit", "no-such-file");
    expect(exitCode).toBe(1);
    expect(stdout.trimEnd().split("\n").at(-1)).toBe("0 passed, 1 failed");
  });
});
