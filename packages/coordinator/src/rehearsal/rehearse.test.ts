import { describe, expect, test } from "vitest";
import type { JobSubmission } from "@drover/shared/domain/job.ts";
import { POLICIES, type PolicyName } from "../core/scheduler/policy.ts";
import { aJob } from "../testing/scenario.ts";
import type { DescribedNode } from "./described-node.ts";
import { measure } from "./measure.ts";
import { rehearse, type RehearsedJob } from "./rehearse.ts";

const MINUTE_MS = 60_000;
const GPU = { model: "A100", memoryBytes: null };

function aNode(fields: Partial<DescribedNode> = {}): DescribedNode {
  return { name: "gpu-01", site: null, cpuMilli: 8000, memoryBytes: 2 ** 36, gpus: [GPU, GPU], ...fields };
}

function someJob(gpus: number, runsMinutes: number, job: Partial<JobSubmission> = {}): RehearsedJob {
  const spec = aJob({ resources: { cpus: 1, memory: 1, gpus }, timeout: runsMinutes * MINUTE_MS, ...job });
  return { spec, user: "anna", submitMs: 0, runMs: runsMinutes * MINUTE_MS };
}

const startsOf = (jobs: readonly RehearsedJob[], policy: PolicyName) => {
  const { tasks } = rehearse([aNode()], jobs, POLICIES[policy]);
  return jobs.map((job) => (tasks.find((task) => task.job === job)?.startMs ?? Number.NaN) / MINUTE_MS);
};

describe("a rehearsal", () => {
  const [first, both, long, short] = [someJob(1, 10), someJob(2, 10), someJob(1, 30), someJob(1, 5)];
  const jobs = [first, both, long, short].map((job, index) => ({ ...job, submitMs: index }));

  test("starts by the policy what the coordinator would start", () => {
    const rounded = (policy: PolicyName) => startsOf(jobs, policy).map(Math.round);
    expect(rounded("fifo")).toEqual([0, 10, 20, 20]);
    // The short one ends before the first; the long one would be in the way.
    expect(rounded("fifo-backfill")).toEqual([0, 10, 20, 0]);
    expect(rounded("drover")).toEqual([0, 10, 20, 0]);
    expect(rounded("shortest-first")).toEqual([0, 30, 0, 10]);
  });

  test("ends what runs too long at its timeout, and tells what is too large for every node", () => {
    const endless = { ...someJob(1, 5), runMs: 60 * MINUTE_MS };
    const tooLarge = someJob(3, 1, { array: { size: 2 } });
    const { tasks, neverStarted } = rehearse([aNode()], [endless, tooLarge], POLICIES.drover);
    expect(tasks).toMatchObject([{ job: endless, nodeName: "gpu-01", endMs: 5 * MINUTE_MS }]);
    expect(neverStarted).toEqual([0, 1].map((index) => ({ job: tooLarge, index })));
  });

  test("comes out the same when it is repeated", () => {
    const many = Array.from({ length: 40 }, (_, i) => ({
      ...someJob(1 + (i % 2), 1 + ((i * 7) % 13)),
      submitMs: i * 1000,
    }));
    expect(rehearse([aNode()], many, POLICIES.drover)).toEqual(rehearse([aNode()], many, POLICIES.drover));
  });
});

describe("what is measured", () => {
  test("is the makespan, the waits, how much of the GPUs was held, and what was free in need", () => {
    const jobs = [someJob(1, 10), someJob(2, 10)];
    expect(measure([aNode()], rehearse([aNode()], jobs, POLICIES.fifo))).toEqual({
      taskCount: 2,
      neverStartedCount: 0,
      makespanMs: 20 * MINUTE_MS,
      waitMeanMs: 5 * MINUTE_MS,
      waitP50Ms: 0,
      waitP95Ms: 10 * MINUTE_MS,
      waitMaxMs: 10 * MINUTE_MS,
      gpuAllocatedPercent: 75,
      gpuFreeWhileWaitedForPercent: 50,
      fairness: 1,
      series: [
        { atMs: 0, gpuAllocatedPercent: 50, waitingCount: 1 },
        { atMs: 10 * MINUTE_MS, gpuAllocatedPercent: 100, waitingCount: 0 },
        { atMs: 20 * MINUTE_MS, gpuAllocatedPercent: 0, waitingCount: 0 },
      ],
    });
  });

  test("is less fair where one user bears the waiting", () => {
    const jobs = [someJob(2, 10), { ...someJob(2, 10), user: "ben" }, { ...someJob(2, 10), user: "ben" }];
    const { fairness } = measure([aNode()], rehearse([aNode()], jobs, POLICIES.fifo));
    // Slowdowns of 1 and of (2 + 3) / 2.
    expect(fairness).toBeCloseTo(3.5 ** 2 / (2 * (1 + 2.5 ** 2)));
  });

  test("is nothing of no tasks", () => {
    expect(measure([], { tasks: [], neverStarted: [] })).toMatchObject({
      makespanMs: 0,
      waitMaxMs: 0,
      fairness: 1,
      series: [],
    });
  });
});
