import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Job, JobDetail } from "@drover/shared/api/jobs.ts";
import { Problem } from "@drover/shared/api/problem.ts";
import type { AttemptOutcome } from "@drover/shared/domain/attempt.ts";
import { RunningCoordinator, type ScriptedAgent } from "../testing/running-coordinator.ts";
import { aReport } from "../testing/scenario.ts";

let coordinator: RunningCoordinator;
beforeAll(async () => {
  coordinator = await RunningCoordinator.start();
});
afterAll(() => coordinator[Symbol.asyncDispose]());

const FAILS: AttemptOutcome = { type: "exited", code: 1 };

async function submit(after: unknown[] = [], job: object = {}): Promise<Job> {
  const response = await coordinator.post("/v1/jobs", { command: ["true"], after, ...job });
  expect(response.status).toBe(201);
  return Job.parse(await response.json());
}

async function show(jobId: number): Promise<JobDetail> {
  return JobDetail.parse(await (await coordinator.request(`/v1/jobs/${jobId}`)).json());
}

async function cancel(jobId: number): Promise<void> {
  expect((await coordinator.request(`/v1/jobs/${jobId}/cancel`, { method: "POST" })).status).toBe(200);
}

/** Runs the one attempt that the node is told to run next, and says that it ended so. */
async function runNext(agent: ScriptedAgent, outcome: AttemptOutcome = { type: "exited", code: 0 }): Promise<string> {
  const attemptId = await agent.assigned();
  agent.report(aReport(attemptId, { state: "ended", outcome, endedAtMs: 2 }));
  return attemptId;
}

describe("a job with dependencies", () => {
  test("shows what it comes after, normalised, with the state of each and what it means", async () => {
    const first = await submit();
    const second = await submit();
    await cancel(second.id);
    const job = await submit([first.id, { job: second.id, when: "onFailure" }]);
    expect(job.spec.after).toEqual([
      { jobId: first.id, when: "onSuccess" },
      { jobId: second.id, when: "onFailure" },
    ]);
    const detail = await show(job.id);
    expect(detail.dependencies).toEqual([
      { jobId: first.id, when: "onSuccess", state: "queued", standing: "awaited" },
      { jobId: second.id, when: "onFailure", state: "canceled", standing: "met" },
    ]);
    expect(detail.waiting).toMatchObject({ code: "dependency", nodes: [] });
    expect(detail.waiting?.message).toContain(`job ${first.id} (queued);`);
    expect(detail.tasks[0]?.waitingReason?.code).toBe("dependency");
    await cancel(first.id);
  });

  test("on one that does not exist is refused with the id", async () => {
    const first = await submit();
    const response = await coordinator.post("/v1/jobs", { command: ["true"], after: [first.id, 999_999] });
    const problem = Problem.parse(await response.json());
    expect(problem).toMatchObject({ status: 422, code: "dependency.notFound" });
    expect(problem.detail).toBe("There is no job 999999 that this one could come after.");
    await cancel(first.id);
  });

  test.each([
    ["a job twice", [1, { job: 1, when: "always" }], /after\.1: names job 1 twice/],
    ["an unknown condition", [{ job: 1, when: "later" }], /after\.0: .*onSuccess, onFailure or always/],
  ])("with %s is refused", async (_what, after, says) => {
    const response = await coordinator.post("/v1/jobs", { command: ["true"], after });
    const problem = Problem.parse(await response.json());
    expect(problem).toMatchObject({ status: 400, code: "request.invalid" });
    expect(problem.detail).toMatch(says);
  });

  test("on one that failed long ago is accepted and over at once, with the cause", async () => {
    const first = await submit();
    await cancel(first.id);
    await coordinator.restart();
    const job = await submit([first.id]);
    expect(job.state).toBe("canceled");
    const detail = await show(job.id);
    expect(detail.tasks[0]).toMatchObject({ state: "canceled", cause: "dependencyFailed", waitingReason: null });
    expect(detail.dependencies[0]).toMatchObject({ state: "canceled", standing: "failed" });
    const events = await (await coordinator.request("/v1/events")).text();
    expect(events).toContain(`"jobId":${job.id},"dependencyJobId":${first.id},"dependencyState":"canceled"`);
  });

  test("is counted among what waits", async () => {
    const first = await submit();
    const dependent = await submit([first.id], { array: { size: 12 } });
    const text = await (await coordinator.request("/metrics")).text();
    expect(text).toMatch(/^drover_tasks_waiting\{reason="dependency"\} 12$/m);
    await cancel(dependent.id);
    await cancel(first.id);
  });
});

describe("after a restart", () => {
  test("what was held is held, and what was not is not", async () => {
    const gate = await submit([], { resources: { gpus: 1 } });
    const done = await submit();
    await cancel(done.id);
    const held = await submit([{ job: done.id, when: "onFailure" }, gate.id]);
    const transitive = await submit([held.id]);
    const released = await submit([{ job: done.id, when: "always" }]);
    await coordinator.restart();
    for (const { id } of [held, transitive]) expect((await show(id)).waiting?.code).toBe("dependency");
    expect((await show(released.id)).waiting?.code).toBe("noNodes");

    // Has room for all of them, but for the gate no GPU.
    const small = await coordinator.connectAgent(1);
    expect(await runNext(small)).toMatch(`${released.id}.0.1-`);
    await expect.poll(async () => (await show(released.id)).state).toBe("succeeded");
    expect((await show(held.id)).tasks[0]?.attempts).toEqual([]);
    small.cut();
    await expect.poll(async () => (await coordinator.client.getNode("node1")).link).toBe("disconnected");

    const large = await coordinator.connectAgent(2, {
      capacity: { cpuMilli: 4000, memoryBytes: 1024 ** 3, gpuIds: ["GPU-1"] },
    });
    expect(await runNext(large)).toMatch(`${gate.id}.0.1-`);
    expect(await large.assigned()).toMatch(`${held.id}.0.1-`);
    await coordinator.restart();
    expect((await show(transitive.id)).waiting?.code).toBe("dependency");
    expect((await show(held.id)).dependencies.map(({ standing }) => standing)).toEqual(["met", "met"]);

    const back = await coordinator.connectAgent(2);
    // What an earlier start of the coordinator gave out and nobody has seen is given out anew.
    expect(await runNext(back, FAILS)).toMatch(`${held.id}.0.2-`);
    await expect.poll(async () => (await show(transitive.id)).state).toBe("canceled");
    expect((await show(transitive.id)).tasks[0]?.cause).toBe("dependencyFailed");
  });
});
