import { describe, expect, test } from "vitest";
import type { ExpectedStart } from "@drover/shared/domain/waiting-reason.ts";
import type { JobId } from "@drover/shared/domain/ids.ts";
import { aJobDetail, aTask } from "../testing/builders.ts";
import { renderWhy } from "./why.ts";

const GIB = 1024 ** 3;

describe("why a job waits", () => {
  test("is told with what rules how many nodes out, and the nearest miss first", () => {
    const message = "every node that is large enough and takes work is busy; nearest is gpu-03, which lacks 6 GiB";
    const missing = { cpuMilli: 0, memoryBytes: 6 * GIB, gpuCount: 0 };
    const waiting = {
      code: "noNodeFitsNow" as const,
      message,
      nodes: [{ nodeId: "n", nodeName: "gpu-03", verdict: "busy" as const, missing }],
      nodeCount: 17,
      constraints: [
        { constraint: "gpuModels" as const, nodeCount: 9, soleCount: 0 },
        { constraint: "memory" as const, nodeCount: 12, soleCount: 3 },
      ],
      aheadCount: 2,
      start: {
        nodeId: "n",
        nodeName: "gpu-03",
        isKept: true,
        awaitedCount: 1,
        awaitedJobIds: [812 as JobId],
        inMs: 7_800_000,
        isBound: true,
      },
    };
    const task = aTask({ state: "queued", cause: "submitted", waitingReason: { code: waiting.code, message } });
    const job = aJobDetail([task], { state: "queued", startedAt: null, endedAt: null, waiting });
    const tasksByState = { ...job.tasksByState, queued: 1, succeeded: 0 };
    expect(renderWhy({ ...job, tasksByState })).toBe(
      [
        "job        12: 1 task waits",
        "each task  1 CPU, 512 MiB",
        "",
        `waits     ${message}`,
        "  gpu-03  busy: lacks 6 GiB",
        "",
        "Of 17 nodes",
        "   9 have too few GPUs of the models that it names",
        "  12 have too little memory free; on 3 of them nothing else stands in the way",
        "",
        "before it  2 tasks",
        "start      gpu-03 is kept for it, and has room when job 812 has ended, at the latest in 2h10m",
        "",
      ].join("\n"),
    );
    const without = { ...waiting, aheadCount: 0, start: { ...waiting.start, isKept: false } };
    const textOf = (start: ExpectedStart) => renderWhy({ ...job, tasksByState, waiting: { ...without, start } });
    expect(textOf({ ...without.start, isBound: false })).toContain(
      "before it  nothing\nstart      gpu-03 has room first when job 812 has ended, by what such jobs took before in 2h10m\n",
    );
    expect(textOf({ ...without.start, awaitedCount: 3, inMs: null })).toContain(
      "when 3 attempts there of job 812 have ended; nobody knows when that is, without a timeout\n",
    );
    expect(textOf({ ...without.start, awaitedCount: 0, inMs: 0 })).toContain("gpu-03 has room first now\n");
  });

  test("is nothing where no task waits", () => {
    expect(renderWhy(aJobDetail([aTask()]))).toBe("job 12 is succeeded: none of its tasks waits\n");
  });
});
