import { describe, expect, test } from "vitest";
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
      ].join("\n"),
    );
  });

  test("is nothing where no task waits", () => {
    expect(renderWhy(aJobDetail([aTask()]))).toBe("job 12 is succeeded: none of its tasks waits\n");
  });
});
