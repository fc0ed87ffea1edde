import { spawnSync } from "node:child_process";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { missingTools } from "../support/missing-tools.ts";

const DEPLOY = join(import.meta.dirname, "../../deploy");
const SCRIPTS = readdirSync(DEPLOY, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".sh"));
const UNITS = readdirSync(join(DEPLOY, "systemd")).filter((name) => name.endsWith(".service"));

const CUT_EVERY_LINES = 5;

function sayMissing(tools: Readonly<Record<string, string>>): boolean {
  const missing = missingTools(tools);
  if (missing.length > 0)
    process.stdout.write(`scripts.test.ts leaves a check out: there is no ${missing.join(", no ")}\n`);
  return missing.length > 0;
}
const withoutShellcheck = sayMissing({ shellcheck: "shellcheck" });
const withoutSystemd = sayMissing({ "systemd-analyze": "systemd" });

function run(program: string, words: readonly string[]): { status: number | null; output: string } {
  const { status, stdout, stderr } = spawnSync(program, words, { encoding: "utf8" });
  return { status, output: `${stdout}${stderr}` };
}

function runCut(text: string): { stdout: string; stderr: string } {
  return spawnSync("/bin/sh", ["-s"], { input: text, env: { PATH: "" }, encoding: "utf8" });
}

describe.each(SCRIPTS)("%s", (name) => {
  test("is the shell's language of POSIX", () => {
    expect(run("sh", ["-n", join(DEPLOY, name)])).toEqual({ status: 0, output: "" });
    expect(readFileSync(join(DEPLOY, name), "utf8")).toMatch(/^#!\/bin\/sh\n/);
  });

  test("does nothing before its last line", () => {
    const lines = readFileSync(join(DEPLOY, name), "utf8").trimEnd().split("\n");
    const last = '{ main "$@"; }';
    expect(lines.at(-1)).toBe(last);
    const others = lines.slice(0, -1).join("\n");
    for (let chars = 1; chars < last.length; chars++) {
      const { stdout, stderr } = runCut(`${others}\n${last.slice(0, chars)}`);
      expect([stdout, stderr.replace(/^.*(Syntax error|syntax error|not found).*$/gm, "").trim()]).toEqual(["", ""]);
    }
    // Where there are no programs, each one that is tried is complained about; what only says something says it.
    for (let count = 1; count < lines.length; count += CUT_EVERY_LINES) {
      const cut = lines.slice(0, count).join("\n");
      const { stdout, stderr } = runCut(cut);
      expect(stdout, `after ${count} lines`).toBe("");
      expect(stderr, `after ${count} lines`).not.toMatch(/not found|drover:|usage/);
    }
  });

  test.skipIf(withoutShellcheck)("is clean under shellcheck", () => {
    expect(run("shellcheck", [join(DEPLOY, name)])).toEqual({ status: 0, output: "" });
  });
});

describe.skipIf(withoutSystemd)("units", () => {
  test.each(UNITS)("%s is one that systemd reads without a complaint", (name) => {
    const { output } = run("systemd-analyze", ["verify", "--man=no", join(DEPLOY, "systemd", name)]);
    // The program is not here, and DelegateSubgroup= is of systemd 254.
    const complaints = output.split("\n").filter((line) => !/is not executable|DelegateSubgroup|^$/.test(line));
    expect(complaints).toEqual([]);
  });

  test("the coordinator's sees which boot this is", () => {
    expect(readFileSync(join(DEPLOY, "systemd/drover-coordinator.service"), "utf8")).not.toMatch(/^ProcSubset=pid/m);
  });

  test.each([
    ["drover-coordinator.service", 2],
    // What its jobs need of the machine is the rest; the unit says each.
    ["drover-agent.service", 4.8],
  ])("%s is exposed by %d at the most", (name, most) => {
    const path = join(DEPLOY, "systemd", name);
    const { output } = run("systemd-analyze", ["security", "--offline=true", path]);
    expect(Number(/exposure level for \S+: ([\d.]+)/.exec(output)?.[1])).toBeLessThanOrEqual(most);
  });
});
