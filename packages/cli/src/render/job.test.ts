import { JobId } from "@drover/shared/domain/ids.ts";
import type { JobSubmission } from "@drover/shared/domain/job.ts";
import { describe, expect, test } from "vitest";
import { aJob, aJobDetail, anAttempt, aTask } from "../testing/builders.ts";
import { renderJob, renderJobs } from "./job.ts";

const VIEW = { nowMs: Date.parse("2026-01-02T03:05:05.000Z"), width: null };

describe("the list of jobs", () => {
  test("tells state, progress and time of each", () => {
    const job = aJob(
      { state: "running", endedAt: null },
      { name: "sweep", command: ["python", "train.py", "--lr", "a b"], array: { size: 8 } },
    );
    job.tasksByState = { queued: 2, staging: 0, running: 3, succeeded: 2, failed: 1, canceled: 0 };
    expect(renderJobs([job], VIEW)).toMatchInlineSnapshot(`
      "JOB  NAME   STATE    ENDED  SUBMITTED  TOOK  COMMAND
       12  sweep  running    3/8     1m ago    1m  python train.py --lr "a b"
      "
    `);
  });

  test("says of a job that somebody wants to stop that it is being canceled", () => {
    expect(renderJobs([aJob({ state: "running", endedAt: null, cancelRequested: true })], VIEW)).toContain(
      "running, canceling",
    );
  });

  test("shows the first telling line of a script", () => {
    const job = aJob({}, { script: "#!/bin/sh\n\n# a remark\necho hi\n" });
    expect(renderJobs([job], VIEW)).toContain("echo hi");
  });
});

describe("one job", () => {
  test("shows every attempt of a task, the state beside the last", () => {
    const attempts = [
      anAttempt({ number: 1, outcome: { type: "exited", code: 3 }, blame: "user", outputBytes: 2048 }),
      anAttempt({ number: 2, state: "running", outcome: null, endedAt: null }),
    ];
    const job = aJobDetail([aTask({ state: "running", cause: "started", attempts })], {
      state: "running",
      endedAt: null,
    });
    expect(renderJob(job, VIEW)).toMatchInlineSnapshot(`
      "job        12
      state      running
      command    echo hi
      each task  1 CPU, 512 MiB
      submitted  1m ago  2026-01-02T03:04:05.000Z by anna
      took       1m

      TASK  STATE    ATTEMPT  NODE    TOOK  OUTPUT  HOW
         0                 1  gpu-01  4.5s   2 KiB  exit code 3
         0  running        2  gpu-01    1m     0 B  running
      "
    `);
  });

  test("shows the values that tell the tasks of an array apart", () => {
    const shown = (array: JobSubmission["array"]) =>
      renderJob(aJobDetail([aTask({ index: 0 }), aTask({ index: 1 })], {}, { command: ["train"], array }), VIEW)
        .split("\n")
        .slice(-4)
        .map((line) => line.split(/ {2,}/).slice(0, 3).join("|").trim());
    expect(shown({ matrix: { LR: [0.1, 0.01], SEED: [7] } })).toEqual([
      "TASK|VALUES|STATE",
      "|0|LR=0.1 SEED=7",
      "|1|LR=0.01 SEED=7",
      "",
    ]);
    expect(shown({ values: ["cats", "dogs"] }).slice(1, 3)).toEqual(["|0|cats", "|1|dogs"]);
  });

  test("shows what each attempt used of what it asked for", () => {
    const GIB = 1024 ** 3;
    const usage = { cpuMs: 4_050, maxRssBytes: GIB, memoryPeakBytes: 3 * GIB, memoryLimitBytes: 4 * GIB, gpus: null };
    const gpus = {
      measuredMs: 4_000,
      utilizationMeanPercent: 63.4,
      utilizationPeakPercent: 99,
      memoryPeakBytes: 71 * GIB,
      memoryTotalBytes: 160 * GIB,
      energyJoules: 432_000,
    };
    const allocation = { cpuMilli: 2000, memoryBytes: 4 * GIB, gpuIds: ["GPU-0", "GPU-1"], gpuMilli: 1000 };
    const outcome = { type: "outOfMemory", limitBytes: 4 * GIB, peakBytes: 4 * GIB } as const;
    const attempts = [
      anAttempt({ number: 1, allocation, outcome, usage: { ...usage, memoryPeakBytes: null, maxRssBytes: 4 * GIB } }),
      anAttempt({ number: 2, allocation, usage: { ...usage, gpus } }),
    ];
    const lines = renderJob(aJobDetail([aTask({ attempts })]), VIEW).split("\n");
    expect(lines.slice(lines.findIndex((line) => line.startsWith("TASK"))).join("\n")).toMatchInlineSnapshot(`
      "TASK  STATE      ATTEMPT  NODE    TOOK    CPUS       MEMORY  GPUS BUSY      GPU MEMORY    ENERGY  OUTPUT  HOW
         0                   1  gpu-01  4.5s  0.90/2  4 GiB/4 GiB          -               -         -     0 B  out of memory: its limit is 4 GiB, it had used 4 GiB
         0  succeeded        2  gpu-01  4.5s  0.90/2  3 GiB/4 GiB  63 % of 2  71 GiB/160 GiB  0.12 kWh     0 B  exit code 0
      "
    `);
  });

  test("says why it waits, what to do, and what each node lacks", () => {
    const reason = {
      code: "noNodeCouldEverFit",
      message: "no node in the fleet is large enough; ask for less",
    } as const;
    const nodes = [
      {
        nodeId: "n",
        nodeName: "gpu-01",
        verdict: "tooSmall",
        missing: { cpuMilli: 0, memoryBytes: 6 * 1024 ** 3, gpuCount: 1 },
      } as const,
    ];
    const waiting = { ...reason, nodes: [...nodes], nodeCount: 1, constraints: [], aheadCount: 0, start: null };
    const task = aTask({ state: "queued", cause: "submitted", waitingReason: reason });
    const text = renderJob(aJobDetail([task], { state: "queued", startedAt: null, endedAt: null, waiting }), VIEW);
    expect(text).toContain("waits     no node in the fleet is large enough; ask for less\n");
    expect(text).toContain("gpu-01  too small: lacks 6 GiB, 1 GPU\n");
  });

  test("says what it comes after, on what condition, and where those jobs are", () => {
    const [a, b, c] = [11, 13, 14].map((id) => JobId.parse(id)) as [JobId, JobId, JobId];
    const reason = {
      code: "dependency",
      message: "it comes after jobs that have not ended: job 13 (running)",
    } as const;
    const text = renderJob(
      aJobDetail([aTask({ state: "queued", cause: "submitted", waitingReason: reason })], {
        state: "queued",
        startedAt: null,
        endedAt: null,
        waiting: { ...reason, nodes: [], nodeCount: 1, constraints: [], aheadCount: 0, start: null },
        dependencies: [
          { jobId: a, when: "onSuccess", state: "succeeded", standing: "met" },
          { jobId: b, when: "onFailure", state: "running", standing: "awaited" },
          { jobId: c, when: "always", state: "canceled", standing: "met" },
        ],
      }),
      VIEW,
    );
    expect(text).toContain(
      "after      job 11 (succeeded), job 13 on failure (running), job 14 in any case (canceled)\n",
    );
    expect(text).toContain("waits  it comes after jobs that have not ended: job 13 (running)\n");
    expect(text).toMatch(/^ +0 {2}queued .* it comes after jobs that have not ended/m);
  });

  test("names the command that shows the next page of tasks", () => {
    expect(renderJob(aJobDetail([aTask()], { nextTask: 1000 }), VIEW)).toContain("drover job 12 --from 1000");
  });
});
