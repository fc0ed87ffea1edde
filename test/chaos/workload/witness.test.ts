import { spawn, type ChildProcess } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { waitFor } from "../../support/wait-for.ts";
import { Janitor } from "../machine/janitor.ts";
import { MARK } from "../machine/processes.ts";
import { outputOf, prepareWitness, readWitness, type WitnessRecord } from "./witness.ts";

const folder = mkdtempSync(join(tmpdir(), "drover-witness-"));
const mark = `witness-${process.pid}`;
const janitor = new Janitor(mark);
let program: string;

beforeAll(async () => {
  janitor.willRun(["rm", "-rf", folder]);
  program = await prepareWitness(folder);
});
afterAll(() => janitor.clean());

/** Starts the command of an attempt as a supervisor would; resolves when it has ended. */
function run(
  attemptId: string,
  key: string,
  ...words: string[]
): { child: ChildProcess; ended: Promise<number | null>; output: () => string } {
  const child = spawn(program, words, {
    stdio: ["ignore", "pipe", "inherit"],
    env: {
      [MARK]: mark,
      CHAOS_FOLDER: folder,
      CHAOS_KEY: key,
      DROVER_ATTEMPT_ID: attemptId,
      DROVER_ATTEMPT: attemptId.split(/[.-]/)[2] ?? "1",
      DROVER_TASK_INDEX: "0",
      DROVER_NODE_NAME: "agent1",
    },
  });
  let text = "";
  child.stdout.on("data", (chunk: Buffer) => (text += chunk.toString("latin1")));
  return { child, output: () => text, ended: new Promise((resolve) => child.once("exit", resolve)) };
}

function witnessed(key: string): WitnessRecord["executions"] {
  return readWitness(folder).executions.filter(({ task }) => task === `${key}.0`);
}

describe("the witness", () => {
  test("writes what it is known to write, and that it began and ended", async () => {
    const { ended, output } = run("1.0.1-aaaaaa", "plain", "lines=30", "bytes=50");
    expect(await ended).toBe(0);
    await waitFor("its output", () => output() === outputOf("1.0.1-aaaaaa", 30, 50));
    expect(witnessed("plain")).toMatchObject([
      { attemptId: "1.0.1-aaaaaa", nodeName: "agent1", lineCount: 30, endedByItself: true },
    ]);
  });

  test("fails as often as it is told to", async () => {
    expect(await run("2.0.1-aaaaaa", "fails", "failures=1").ended).toBe(1);
    expect(await run("2.0.2-aaaaaa", "fails", "failures=1").ended).toBe(0);
  });

  test("shows how far it came when it is killed", async () => {
    const { child, ended, output } = run("3.0.1-aaaaaa", "killed", "lines=1000", "bytes=50", "pause=20");
    await waitFor("some output", () => output().length >= 150);
    child.kill("SIGKILL");
    await ended;
    const [execution] = witnessed("killed");
    expect(execution).toMatchObject({ endedByItself: false });
    expect(execution!.endedAtMs).toBeGreaterThan(execution!.startedAtMs);
    const possible = [0, 1].map((more) => outputOf("3.0.1-aaaaaa", execution!.lineCount + more, 50));
    await waitFor("all of its output", () => possible.includes(output()));
  });

  test("finds the lock held while another attempt of its task lives", async () => {
    const { output } = run("4.0.1-aaaaaa", "twice", "lines=1000", "pause=20");
    await waitFor("the first to run", () => output().length > 0);
    await run("4.0.2-bbbbbb", "twice").ended;
    expect(readWitness(folder).contentions).toContainEqual({
      attemptId: "4.0.2-bbbbbb",
      holderAttemptId: "4.0.1-aaaaaa",
    });
  });

  test("finds the lock held by what an attempt left behind", async () => {
    await run("5.0.1-aaaaaa", "left", "daemon=1").ended;
    await run("5.0.2-bbbbbb", "left").ended;
    expect(readWitness(folder).contentions).toContainEqual({
      attemptId: "5.0.2-bbbbbb",
      holderAttemptId: "5.0.1-aaaaaa",
    });
  });

  test("shows two starts of one attempt", async () => {
    for (let start = 0; start < 2; start++) await run("6.0.1-aaaaaa", "again").ended;
    expect(witnessed("again")).toHaveLength(2);
  });
});
