import type { AttemptOutcome } from "@drover/shared/domain/attempt.ts";
import { describe, expect, test } from "vitest";
import { formatClaim, formatExit, parseClaim, parseExit } from "./records.ts";

const rest = "endedAtMs 1700000000000\noutputBytes 12\ncpuMs 34\nmaxRssBytes 56\n";

describe("an exit record", () => {
  test.for([
    ["exitCode 3\ncause none\n", { type: "exited", code: 3 }],
    ["signal SIGSEGV\ncause none\n", { type: "signaled", signal: "SIGSEGV" }],
    ["signal SIGTERM\ncause timedOut\n", { type: "timedOut" }],
    ["exitCode 0\ncause canceled\n", { type: "canceled" }],
    ["signal SIGKILL\ncause preempted\n", { type: "preempted" }],
    ["signal SIGTERM\ncause leaseExpired\n", { type: "nodeLost", code: "leaseExpired" }],
    ["signal SIGTERM\ncause supervisorStopped\n", { type: "nodeLost", code: "supervisorLost" }],
    [
      "failure commandNotFound\nmessage x: not there\ncause none\n",
      { type: "startFailed", code: "commandNotFound", message: "x: not there" },
    ],
    ["failure somethingNew\nmessage y\ncause none\n", { type: "startFailed", code: "supervisorFailed", message: "y" }],
  ] as const)("%j", ([head, outcome]) => {
    expect(parseExit(head + rest)).toEqual({
      outcome,
      endedAtMs: 1700000000000,
      outputBytes: 12,
      usage: { cpuMs: 34, maxRssBytes: 56, memoryPeakBytes: null, memoryLimitBytes: null, gpus: null },
    });
  });

  test.for([
    ["signal SIGKILL\ncause none\n", "attempt", { type: "outOfMemory", limitBytes: 100, peakBytes: 90 }],
    ["exitCode 137\ncause none\n", "attempt", { type: "outOfMemory", limitBytes: 100, peakBytes: 90 }],
    ["signal SIGKILL\ncause none\n", "machine", { type: "outOfMemory", limitBytes: null, peakBytes: 90 }],
    ["exitCode 0\ncause none\n", "attempt", { type: "exited", code: 0 }],
    ["signal SIGKILL\ncause timedOut\n", "attempt", { type: "timedOut" }],
  ] as const)("of one that the kernel killed for memory: %j %s", ([head, killedFor, outcome]) => {
    const memory = `memoryPeakBytes 90\nmemoryLimitBytes 100\nkilledForMemoryOf ${killedFor}\n`;
    const exit = parseExit(head + rest + memory);
    expect(exit?.outcome).toEqual(outcome);
    expect(exit?.usage).toEqual({ cpuMs: 34, maxRssBytes: 56, memoryPeakBytes: 90, memoryLimitBytes: 100, gpus: null });
    if (exit !== null) expect(parseExit(formatExit(exit))).toEqual(exit);
  });

  test.for([
    "",
    "exitCode 3\n",
    "exitCode 300\ncause none\n" + rest,
    "cause unheardOf\n" + rest,
    "exitCode 3\ncause none\nendedAtMs x\noutputBytes 1\n",
    "\0\0\0\0",
  ])("that is damaged is none: %j", (text) => {
    expect(parseExit(text)).toBeNull();
  });

  test.for<AttemptOutcome>([
    { type: "exited", code: 255 },
    { type: "canceled" },
    { type: "nodeLost", code: "rebooted" },
    { type: "nodeLost", code: "supervisorLost" },
    { type: "startFailed", code: "nodeOutOfResources", message: "ENOSPC: no space left" },
  ])("of the agent's own reads as it was written: %j", (outcome) => {
    const exit = { outcome, endedAtMs: 5, outputBytes: 6, usage: null };
    expect(parseExit(formatExit(exit))).toEqual(exit);
  });
});

describe("a claim", () => {
  test("reads as it was written", () => {
    const claim = { supervisorPid: 1, supervisorStartTicks: 2, commandPid: 3, startedAtMs: 4 };
    expect(parseClaim(formatClaim(claim))).toEqual(claim);
  });

  test("that is damaged is none", () => {
    expect(parseClaim("supervisorPid 1\n")).toBeNull();
  });
});
