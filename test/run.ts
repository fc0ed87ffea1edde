/**
 * `npm test`: every check of the project, the cheap ones first.
 *
 *   npm test                        everything
 *   npm test -- --only unit         one step, or one kind of test (repeatable; see STEPS and vitest.config.ts)
 *   npm test -- units               the tests in files whose path contains "units"
 *   npm test -- --fail-fast         stop at the first step that fails
 *
 * The last line is `N passed, N failed`: one for each static check, and one for each test.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { parseArgs } from "node:util";

const ROOT = dirname(import.meta.dirname);
const TEST_KINDS = ["unit", "io", "system"] as const;

interface StaticCheck {
  name: string;
  command: string[];
  /** Where the tool says how many files it saw: a check that looked at nothing has not passed. */
  filesSeen: RegExp | null;
}

const STATIC_CHECKS: readonly StaticCheck[] = [
  { name: "format", command: ["oxfmt", "--check"], filesSeen: /on (\d+) files/ },
  { name: "lint", command: ["oxlint", "--type-aware"], filesSeen: /on (\d+) files/ },
  { name: "types", command: ["tsc", "--noEmit", "--extendedDiagnostics"], filesSeen: /^Files:\s+(\d+)/m },
  // knip says nothing of its files, but a pattern of knip.json that matches none is a hint, here an error.
  { name: "unused", command: ["knip", "--treat-config-hints-as-errors"], filesSeen: null },
];

interface Tally {
  passed: number;
  failed: number;
  skipped: number;
}

interface Finished {
  exitCode: number;
  output: string;
}

/** Runs a tool of the workspace. Its output is shown as it comes, or returned. */
function runTool([program = "", ...args]: readonly string[], show: boolean): Promise<Finished> {
  const path = [join(ROOT, "node_modules/.bin"), dirname(process.execPath), process.env["PATH"] ?? ""].join(delimiter);
  const color = process.stdout.isTTY ? { FORCE_COLOR: "1" } : {};
  const child = spawn(program, args, {
    cwd: ROOT,
    env: { ...process.env, ...color, PATH: path },
    stdio: show ? "inherit" : ["ignore", "pipe", "pipe"],
  });
  const chunks: Buffer[] = [];
  child.stdout?.on("data", (chunk: Buffer) => chunks.push(chunk));
  child.stderr?.on("data", (chunk: Buffer) => chunks.push(chunk));
  return new Promise((resolve) => {
    child.on("error", (error) => resolve({ exitCode: 127, output: `${program}: ${error.message}\n` }));
    child.on("close", (code) => resolve({ exitCode: code ?? 1, output: Buffer.concat(chunks).toString() }));
  });
}

async function runStaticCheck(check: StaticCheck): Promise<Tally> {
  const startedAt = performance.now();
  const { exitCode, output } = await runTool(check.command, false);
  const seen = check.filesSeen === null ? null : Number(check.filesSeen.exec(output)?.[1] ?? 0);
  const passed = exitCode === 0 && seen !== 0;
  const files = seen === null ? "" : `, ${seen} files`;
  say(passed, check.name, startedAt, files);
  if (!passed) process.stdout.write(`${output}\n`);
  return { passed: passed ? 1 : 0, failed: passed ? 0 : 1, skipped: 0 };
}

async function runTests(kinds: readonly string[], filters: readonly string[]): Promise<Tally> {
  const startedAt = performance.now();
  const folder = mkdtempSync(join(tmpdir(), "drover-test-"));
  const report = join(folder, "report.json");
  try {
    const { exitCode } = await runTool(
      ["vitest", "run", "--reporter=default", "--reporter=json", `--outputFile.json=${report}`]
        .concat(kinds.map((kind) => `--project=${kind}`))
        .concat(filters),
      true,
    );
    const tally = tallyOf(report);
    if (exitCode !== 0 && tally.failed === 0) tally.failed = 1;
    say(tally.failed === 0, "tests", startedAt, "");
    return tally;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

interface VitestReport {
  numPassedTests: number;
  numPendingTests: number;
  numTodoTests: number;
  testResults: { status: string; assertionResults: { status: string }[] }[];
}

function tallyOf(reportFile: string): Tally {
  let report: VitestReport;
  try {
    report = JSON.parse(readFileSync(reportFile, "utf8")) as VitestReport;
  } catch {
    return { passed: 0, failed: 1, skipped: 0 };
  }
  let failed = 0;
  for (const file of report.testResults) {
    const failedTests = file.assertionResults.filter((test) => test.status === "failed").length;
    // A file that could not even be loaded, or whose hook failed, counts as one.
    failed += file.status === "failed" ? Math.max(1, failedTests) : failedTests;
  }
  return { passed: report.numPassedTests, failed, skipped: report.numPendingTests + report.numTodoTests };
}

function say(passed: boolean, name: string, startedAt: number, more: string): void {
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  process.stdout.write(`${passed ? "ok  " : "FAIL"} ${name} (${seconds} s${more})\n`);
}

function readArguments(): { checks: readonly StaticCheck[]; kinds: string[]; filters: string[]; failFast: boolean } {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      only: { type: "string", multiple: true, default: [] },
      "fail-fast": { type: "boolean", default: false },
    },
  });
  const known: string[] = [...STATIC_CHECKS.map((check) => check.name), ...TEST_KINDS];
  const unknown = values.only.find((name) => !known.includes(name));
  if (unknown !== undefined) {
    process.stderr.write(`--only ${unknown}: there is ${known.join(", ")}\n`);
    process.exit(2);
  }
  const everything = values.only.length === 0;
  return {
    checks: STATIC_CHECKS.filter((check) => (everything ? positionals.length === 0 : values.only.includes(check.name))),
    kinds: TEST_KINDS.filter((kind) => everything || values.only.includes(kind)),
    filters: positionals,
    failFast: values["fail-fast"],
  };
}

async function main(): Promise<void> {
  const { checks, kinds, filters, failFast } = readArguments();
  const steps = checks.map((check) => () => runStaticCheck(check));
  if (kinds.length > 0) steps.push(() => runTests(kinds, filters));

  const total: Tally = { passed: 0, failed: 0, skipped: 0 };
  for (const step of steps) {
    const { passed, failed, skipped } = await step();
    total.passed += passed;
    total.failed += failed;
    total.skipped += skipped;
    if (failFast && failed > 0) break;
  }
  if (total.passed + total.failed === 0) process.stdout.write("Nothing ran.\n");
  process.exitCode = total.failed > 0 || total.passed === 0 ? 1 : 0;
  const skipped = total.skipped > 0 ? `, ${total.skipped} skipped` : "";
  process.stdout.write(`${total.passed} passed, ${total.failed} failed${skipped}\n`);
}

await main();
