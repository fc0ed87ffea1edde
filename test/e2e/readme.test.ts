import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createClient } from "@drover/shared/client/client.ts";
import { startNode, stop } from "../support/processes.ts";
import { freePort } from "../support/free-port.ts";
import { localTokenIn } from "../support/local-token.ts";
import { CHECKOUT } from "../support/local-fleet.ts";
import { waitFor } from "../support/wait-for.ts";

const dataRoot = mkdtempSync(join(tmpdir(), "drover-readme-"));
let port = 0;
let start: ChildProcess;
let printed = "";

/** What `npm start` runs once everything is installed, with data of its own. */
async function startLocalFleet(...options: string[]): Promise<ChildProcess> {
  printed = "";
  const child = startNode([join(CHECKOUT, "deploy/local/start.ts"), "--port", String(port), ...options], {
    DROVER_LOCAL_DATA: dataRoot,
  });
  child.stdout?.on("data", (chunk: Buffer) => (printed += chunk.toString()));
  const exited = once(child, "exit");
  await waitFor("the sample to be done", () => printed.includes("try:") || child.exitCode !== null, 100_000);
  if (options.includes("--exit")) await exited;
  return child;
}

/** Runs a command line as a reader would type it; one that follows is left once it has shown something. */
async function typed(commandLine: string): Promise<{ exitCode: number | null; stdout: string; stderr: string }> {
  const drover = `'${process.execPath}' '${join(CHECKOUT, "packages/cli/bin/drover.mjs")}'`;
  const child = spawn("/bin/sh", ["-c", `exec ${commandLine.replace(/^npx drover/, drover)}`], {
    cwd: CHECKOUT,
    env: { ...process.env, DROVER_COORDINATOR: `http://127.0.0.1:${port}`, DROVER_LOCAL_DATA: dataRoot },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (chunk: Buffer) => {
    stdout += chunk.toString();
    if (follows(commandLine)) child.kill("SIGINT");
  });
  child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
  const [exitCode] = (await once(child, "close")) as [number | null];
  return { exitCode, stdout, stderr };
}

function follows(commandLine: string): boolean {
  return commandLine.startsWith("npx drover tail");
}

/** A stream shows what happens after it began, and only it knows when that is: so things happen until it has ended. */
async function makeEventsUntil(ended: Promise<unknown>): Promise<void> {
  const { read } = localTokenIn(join(dataRoot, "coordinator", "local-token"));
  const client = createClient(`http://127.0.0.1:${port}`, { token: read });
  let hasEnded = false;
  void ended.finally(() => (hasEnded = true));
  await waitFor("the stream to show something", async () => {
    if (!hasEnded) await client.submitJob({ command: ["true"], resources: { cpus: 0.1 } });
    return hasEnded;
  });
}

beforeAll(async () => {
  port = await freePort();
  start = await startLocalFleet();
}, 120_000);
afterAll(async () => {
  await stop(start);
  rmSync(dataRoot, { recursive: true, force: true });
});

const README = readFileSync(join(CHECKOUT, "README.md"), "utf8");
const COMMANDS = [...README.matchAll(/^npx drover .*$/gm)].map(([line]) => line.replace(/ {2,}#.*$/, ""));

describe("npm start", () => {
  test("prints the coordinator, the node, the tasks' states, the end of the output, the result and what to try", () => {
    const order = [
      "Coordinator",
      "log in",
      "cores",
      "queued",
      "running",
      "succeeded",
      "accuracy",
      "best: task",
      "try:",
    ];
    let position = 0;
    for (const word of order) {
      const found = printed.toLowerCase().indexOf(word.toLowerCase(), position);
      expect(found, `"${word}" after position ${position} of:\n${printed}`).toBeGreaterThanOrEqual(position);
      position = found;
    }
    expect(printed.slice(position).match(/npx drover/g)).toHaveLength(3);
  });
});

describe("the README's commands", () => {
  test("are there to be run", () => {
    expect(COMMANDS.length).toBeGreaterThan(5);
  });

  // In the order of the page: `drover job 3` is the job that `drover run` made.
  test.each(COMMANDS)("%s", async (commandLine) => {
    const running = typed(commandLine);
    if (follows(commandLine)) void makeEventsUntil(running);
    const { exitCode, stdout, stderr } = await running;
    expect(stderr).not.toMatch(/^drover:/m);
    expect(follows(commandLine) ? [0, 130, null] : [0]).toContain(exitCode);
    expect(stdout).not.toBe("");
  });
});

describe("Ctrl-C", () => {
  test("stops both daemons, and the next start remembers the jobs", async () => {
    const exited = once(start, "exit");
    start.kill("SIGINT");
    expect((await exited)[0]).toBe(0);
    await expect(fetch(`http://127.0.0.1:${port}/healthz`)).rejects.toThrow();
    start = await startLocalFleet("--exit");
    expect(printed).toMatch(/remembers \d+ jobs of earlier starts/);
    expect(start.exitCode).toBe(0);
  });
});
