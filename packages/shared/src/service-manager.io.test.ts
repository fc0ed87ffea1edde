import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { expect, onTestFinished, test } from "vitest";
import type { Clock } from "./clock.ts";
import { openServiceManager } from "./service-manager.ts";

/** Time stands still; what was asked for later is there to be called. */
function stoppedClock(): Clock & { waiting: Map<() => void, number> } {
  const waiting = new Map<() => void, number>();
  return {
    waiting,
    nowMs: () => 0,
    monotonicMs: () => 0,
    callAfter(delayMs, fn) {
      waiting.set(fn, delayMs);
      return () => void waiting.delete(fn);
    },
    callSoon: (fn) => fn(),
  };
}

/** In the place of the real one, which says it to a socket: writes down what it is told, one call a line. */
function aHelper(): { environment: Record<string, string | undefined>; told: () => string[] } {
  const folder = mkdtempSync(join(tmpdir(), "drover-notify-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const program = join(folder, "systemd-notify");
  writeFileSync(program, `#!/bin/sh\necho "$NOTIFY_SOCKET $*" >> ${folder}/told\n`);
  chmodSync(program, 0o755);
  writeFileSync(join(folder, "told"), "");
  return {
    environment: { PATH: `${folder}${delimiter}${process.env["PATH"]}`, NOTIFY_SOCKET: "/run/notify" },
    told: () => readFileSync(join(folder, "told"), "utf8").split("\n").slice(0, -1),
  };
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await delay(10);
}

function never(reason: string): void {
  throw new Error(reason);
}

test("systemd hears that it is ready, how it is, and in half its watchdog's time that it turns", async () => {
  const { environment, told } = aHelper();
  const clock = stoppedClock();
  Object.assign(environment, { WATCHDOG_USEC: "120000000", WATCHDOG_PID: "7" });
  const manager = openServiceManager({ environment, pid: 7, clock, onProblem: never });
  manager.ready();
  await until(() => told().length === 1);
  manager.say("online\nat home");
  await until(() => told().length === 2);
  const [[feed, afterMs]] = [...clock.waiting] as [[() => void, number]];
  expect(afterMs).toBe(60_000);
  feed();
  await until(() => told().length === 3);
  expect(told()).toEqual([
    "/run/notify --pid=7 READY=1",
    "/run/notify --pid=7 STATUS=online at home",
    "/run/notify --pid=7 WATCHDOG=1",
  ]);
});

test("nothing of it is left for children, and no timer once the end was asked for", async () => {
  const { environment, told } = aHelper();
  const clock = stoppedClock();
  environment["WATCHDOG_USEC"] = "2000000";
  const manager = openServiceManager({ environment, pid: 7, clock, onProblem: never });
  expect(Object.keys(environment)).toEqual(["PATH"]);
  manager.ready();
  expect(clock.waiting.size).toBe(1);
  manager.stopping();
  expect(clock.waiting.size).toBe(0);
  await until(() => told().length === 2);
  expect(told()[1]).toBe("/run/notify --pid=7 STOPPING=1");
});

test("of what is said faster than it can be told, the latest is told", async () => {
  const { environment, told } = aHelper();
  const manager = openServiceManager({ environment, pid: 7, clock: stoppedClock(), onProblem: never });
  for (const status of ["first", "second", "third"]) manager.say(status);
  await until(() => told().length === 2);
  expect(told()).toEqual(["/run/notify --pid=7 STATUS=first", "/run/notify --pid=7 STATUS=third"]);
});

test("a watchdog for another process is not ours to feed", () => {
  const clock = stoppedClock();
  const environment = { NOTIFY_SOCKET: "/run/notify", PATH: "/nowhere", WATCHDOG_USEC: "1000", WATCHDOG_PID: "8" };
  openServiceManager({ environment, pid: 7, clock, onProblem: () => {} }).ready();
  expect(clock.waiting.size).toBe(0);
});

test("without systemd nothing is told to anybody", () => {
  const clock = stoppedClock();
  const manager = openServiceManager({ environment: { WATCHDOG_USEC: "1000" }, pid: 7, clock, onProblem: never });
  manager.ready();
  manager.say("online");
  manager.stopping();
  expect(clock.waiting.size).toBe(0);
});

test("says why the helper could not be used", async () => {
  const problems: string[] = [];
  const environment = { NOTIFY_SOCKET: "/run/notify", PATH: "/nowhere" };
  openServiceManager({ environment, pid: 7, clock: stoppedClock(), onProblem: (why) => problems.push(why) }).ready();
  await until(() => problems.length === 1);
  expect(problems[0]).toContain("ENOENT");
});
