import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, onTestFinished, test } from "vitest";
import { aTool } from "../../testing/a-tool.ts";
import type { Replay } from "../../testing/replayed-tool.ts";
import { createFakeClock } from "../../testing/fake-clock.ts";
import { waitFor } from "../../testing/wait-for.ts";
import { startLoopChild } from "./loop-child.ts";

function start(replays: readonly Replay[], silenceMs: number | null = null) {
  const clock = createFakeClock();
  const tool = aTool(replays);
  const lines: string[] = [];
  const ends: { reason: string; lastWords: string }[] = [];
  const child = startLoopChild({
    program: tool.path,
    words: () => ["--loop=5"],
    environment: {},
    clock,
    silenceMs,
    onLine: (line) => lines.push(line),
    onEnded: (reason, lastWords) => ends.push({ reason, lastWords }),
  });
  onTestFinished(() => child.stop());
  return { clock, tool, lines, ends, child };
}

/** Those whose command line names this tool. */
function runningPids(path: string): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .filter((name) => {
      try {
        return readFileSync(`/proc/${name}/cmdline`, "utf8").includes(path.replace(/tool$/, "scenario.json"));
      } catch {
        return false;
      }
    })
    .map(Number);
}

describe("a tool that speaks again and again", () => {
  test("is heard line by line", async () => {
    const { lines, tool } = start([{ when: "", stdout: "a\nb\n", everyMs: 20 }]);
    await waitFor("three rounds", () => lines.length >= 6);
    expect(lines.slice(0, 4)).toEqual(["a", "b", "a", "b"]);
    expect(tool.asked()).toEqual(["--loop=5"]);
  });

  test("that dies is started again, and what it said last is told", async () => {
    const { clock, lines, ends, tool } = start([
      { when: "", stdout: "Unable to determine the device handle\n", everyMs: 10, rounds: 1, exitCode: 15 },
    ]);
    await waitFor("its end", () => ends.length === 1);
    expect(ends[0]).toEqual({ reason: "exit code 15", lastWords: "Unable to determine the device handle\n" });
    clock.advanceBy(900);
    expect(tool.asked()).toHaveLength(1);
    tool.replace([{ when: "", stdout: "better\n", everyMs: 20 }]);
    clock.advanceBy(200);
    await waitFor("the second one to speak", () => lines.includes("better"));
  });

  test("that dies again and again is started ever more rarely", async () => {
    const { clock, ends, tool } = start([{ when: "", exitCode: 1 }]);
    await waitFor("the first end", () => ends.length === 1);
    clock.advanceBy(1_000);
    await waitFor("the second end", () => ends.length === 2);
    clock.advanceBy(1_000);
    expect(tool.asked()).toHaveLength(2);
    clock.advanceBy(1_000);
    await waitFor("the third start", () => tool.asked().length === 3);
  });

  test("that falls silent is killed and started again", async () => {
    const { clock, lines, ends, tool, child } = start([{ when: "", stdout: "one\n", hangs: true }], 20_000);
    await waitFor("its only line", () => lines.length === 1);
    clock.advanceBy(19_000);
    expect(child.isHanging()).toBe(false);
    clock.advanceBy(2_000);
    expect(child.isHanging()).toBe(true);
    expect(ends).toEqual([{ reason: "it said nothing for 20 s", lastWords: "one\n" }]);
    await waitFor("it to be gone", () => runningPids(tool.path).length === 0);
    await waitFor("its death to be noticed", () => !child.isHanging());
    clock.advanceBy(1_000);
    await waitFor("the second start", () => tool.asked().length === 2);
    expect(ends).toHaveLength(1);
  });

  test("that is stopped is gone and stays away", async () => {
    const { clock, lines, ends, tool, child } = start([{ when: "", stdout: "x\n", everyMs: 20 }]);
    await waitFor("a line", () => lines.length > 0);
    child.stop();
    await waitFor("it to be gone", () => runningPids(tool.path).length === 0);
    clock.advanceBy(600_000);
    expect(tool.asked()).toHaveLength(1);
    expect(ends).toEqual([]);
  });

  test("that is not there is tried again later", async () => {
    const clock = createFakeClock();
    const ends: string[] = [];
    const child = startLoopChild({
      program: "/no/such/tool",
      words: () => [],
      environment: {},
      clock,
      silenceMs: null,
      onLine: () => {},
      onEnded: (reason) => ends.push(reason),
    });
    onTestFinished(() => child.stop());
    await waitFor("its end", () => ends.length === 1);
    clock.advanceBy(1_000);
    await waitFor("the second end", () => ends.length === 2);
    expect(ends[0]).toContain("ENOENT");
  });
});
