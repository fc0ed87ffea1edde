import { spawn } from "node:child_process";
import { randomInt } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { waitFor } from "../support/wait-for.ts";
import { runChaos } from "./chaos-run.ts";
import { markedProcesses } from "./machine/processes.ts";
import { renderReport } from "./report.ts";

const SEEDS = 2 ** 32;
/** The run, its rest, and as much again for a machine that does other things beside. */
const TEST_LIMIT_MS = 300_000;

/** What runs of a process have left on the machine. */
function remainsOf(pid: number): string[] {
  const namespaces = existsSync("/run/netns") ? readdirSync("/run/netns") : [];
  const mounts = readFileSync("/proc/mounts", "utf8").split("\n");
  return [
    ...namespaces.filter((name) => name.startsWith(`chaos-${pid}-`)),
    ...mounts.filter((line) => line.includes(`drover-chaos-${pid}-`)),
    ...readdirSync(tmpdir()).filter((name) => name.startsWith(`drover-chaos-${pid}-`)),
    ...markedProcesses(`${pid}-1`).map(({ command }) => command.join(" ")),
  ];
}

test(
  "half a minute of faults breaks nothing that must hold, and leaves nothing",
  async () => {
    const seed = randomInt(SEEDS);
    const happenings: string[] = [];
    process.stdout.write(`chaos seed ${seed}: npm run chaos -- --minutes 0.5 --seed ${seed}\n`);
    const report = await runChaos({ seed, durationMs: 30_000, say: (line) => happenings.push(line) });
    process.stdout.write(`${renderReport(report)}\n`);
    expect(report.violations, `${happenings.join("\n")}\n\n${renderReport(report)}`).toEqual([]);
    // A run in which nothing happened has shown nothing.
    expect(report.executions).toBeGreaterThan(10);
    expect(report.faults.size).toBeGreaterThan(5);
    expect(remainsOf(process.pid)).toEqual([]);
  },
  TEST_LIMIT_MS,
);

test("a run that is interrupted leaves nothing", async () => {
  const child = spawn(process.execPath, [join(import.meta.dirname, "run.ts"), "--minutes", "5"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let said = "";
  child.stdout.on("data", (chunk: Buffer) => (said += chunk.toString()));
  const ended = new Promise((resolve) => child.once("close", resolve));
  await waitFor("the fleet to be up", () => said.includes("the fleet is up"), 90_000);
  expect(remainsOf(child.pid!)).not.toEqual([]);
  child.kill("SIGINT");
  expect(await ended, said).toBe(130);
  expect(remainsOf(child.pid!)).toEqual([]);
});
