import { describe, expect, test } from "vitest";
import type { AttemptOutcome } from "@drover/shared/domain/attempt.ts";
import type { JobDependency } from "@drover/shared/domain/dependency.ts";
import type { JobId } from "@drover/shared/domain/ids.ts";
import type { JobState } from "@drover/shared/domain/job.ts";
import { brokenInvariants } from "../testing/fleet-invariants.ts";
import { aJob, aReport, Scenario } from "../testing/scenario.ts";
import type { Command, Happening } from "./input.ts";
import { countWaiting, whyJobWaits } from "./why-waiting.ts";

const FAILS: AttemptOutcome = { type: "exited", code: 1 };

type After = NonNullable<Parameters<typeof aJob>[0]>["after"];

function submission(after: After, storedEnds: [number, JobState][] = []): Command {
  return {
    type: "submitJob",
    spec: aJob({ after: after ?? [] }),
    actor: "anna",
    idempotency: null,
    storedUnderKey: null,
    storedEnds: new Map(storedEnds as [JobId, JobState][]),
  };
}

function cancel(jobId: JobId): Command {
  return { type: "cancelJob", jobId, actor: "test" };
}

/** What the node says when the job's only task has ended. */
function endOf(scenario: Scenario, jobId: JobId, outcome: AttemptOutcome = { type: "exited", code: 0 }): Happening {
  const { id, nodeId } = scenario.attempt(jobId);
  const report = aReport(id, { state: "ended", outcome, endedAtMs: 1 });
  return { type: "attemptReports", sessionId: scenario.fleet.sessionIdOf(nodeId) ?? 0, nodeId, reports: [report] };
}

/** One node with room for two tasks of one CPU. */
function aScenario(): Scenario {
  const scenario = new Scenario();
  scenario.hello(1, { cpus: 2 });
  return scenario;
}

function statesOf(scenario: Scenario): Record<number, string> {
  return Object.fromEntries(scenario.eventsNamed("job.ended").map(({ jobId, state }) => [jobId, state]));
}

describe("a job that comes after another", () => {
  test("waits while the other runs, although there is room, and starts in the turn of its success", () => {
    const scenario = aScenario();
    const first = scenario.submit();
    const second = scenario.submit(aJob({ after: [first] }));
    expect(scenario.task(second)?.state).toBe("queued");
    scenario.end(scenario.attempt(first));
    expect(scenario.attempt(second).state).toBe("assigned");
  });

  test.each<[when: JobDependency["when"], outcome: AttemptOutcome, state: string]>([
    ["onSuccess", { type: "exited", code: 0 }, "running"],
    ["onSuccess", FAILS, "canceled"],
    ["onFailure", { type: "exited", code: 0 }, "canceled"],
    ["onFailure", FAILS, "running"],
    ["always", { type: "exited", code: 0 }, "running"],
    ["always", FAILS, "running"],
  ])("%s: after %j it is %s", (when, outcome, state) => {
    const scenario = aScenario();
    const first = scenario.submit();
    const second = scenario.submit(aJob({ after: [{ job: first, when }] }));
    scenario.end(scenario.attempt(first), outcome);
    expect(scenario.fleet.task(second, 0)?.state ?? statesOf(scenario)[second]).toBe(state);
  });

  test("waits for the last of several", () => {
    const scenario = aScenario();
    const [a, b] = [scenario.submit(), scenario.submit()];
    const last = scenario.submit(aJob({ after: [a, b] }));
    scenario.end(scenario.attempt(a));
    expect(scenario.task(last)?.state).toBe("queued");
    scenario.end(scenario.attempt(b));
    expect(scenario.task(last)?.state).toBe("running");
  });

  test("waits for every task of an array, and for the attempts that its retries allow", () => {
    const scenario = aScenario();
    const array = scenario.submit(aJob({ array: { size: 2 }, retries: 1 }));
    const last = scenario.submit(aJob({ after: [array] }));
    scenario.end(scenario.attempt(array, 0));
    scenario.end(scenario.attempt(array, 1), FAILS);
    expect(scenario.task(last)?.state).toBe("queued");
    scenario.end(scenario.attempt(array, 1));
    expect(scenario.task(last)?.state).toBe("running");
  });

  test("takes its place in the order of submission, before what was submitted later", () => {
    const scenario = new Scenario();
    scenario.hello(1, { cpus: 1 });
    const first = scenario.submit();
    const dependent = scenario.submit(aJob({ after: [first] }));
    const later = scenario.submit();
    scenario.end(scenario.attempt(first));
    expect([dependent, later].map((id) => scenario.task(id)?.state)).toEqual(["running", "queued"]);
  });

  test("is not seen by the scheduler until then, however many tasks it has", () => {
    const scenario = new Scenario();
    scenario.hello(1, { cpus: 1 });
    const first = scenario.submit();
    const dependent = scenario.submit(aJob({ after: [first], array: { size: 1000 }, resources: { gpus: 3 } }));
    expect([...scenario.fleet.queue.shapes()]).toEqual([]);
    expect(scenario.fleet.queue.waitingCount).toBe(0);
    scenario.end(scenario.attempt(first));
    expect(scenario.fleet.queue.waitingCount).toBe(1000);
    expect(scenario.fleet.dependencies.isHeld(dependent)).toBe(false);
  });
});

describe("a condition that can never hold", () => {
  test("cancels every task with the cause, and one event names the job that is to blame", () => {
    const scenario = aScenario();
    const first = scenario.submit();
    const dependent = scenario.submit(aJob({ after: [first], array: { size: 3 } }));
    scenario.end(scenario.attempt(first), FAILS);
    expect(scenario.eventsNamed("job.dependencyFailed")).toEqual([
      { event: "job.dependencyFailed", jobId: dependent, dependencyJobId: first, dependencyState: "failed" },
    ]);
    const ends = scenario.eventsNamed("task.ended").filter(({ jobId }) => jobId === dependent);
    expect(ends.map(({ state, cause }) => [state, cause])).toEqual(Array(3).fill(["canceled", "dependencyFailed"]));
    expect(scenario.eventsNamed("job.ended").at(-1)).toMatchObject({
      jobId: dependent,
      state: "canceled",
      canceled: 3,
    });
    expect(scenario.eventsNamed("job.started").map(({ jobId }) => jobId)).toEqual([first]);
  });

  test("is decided by the first that fails, while others still run", () => {
    const scenario = aScenario();
    const [a, b] = [scenario.submit(), scenario.submit()];
    const last = scenario.submit(aJob({ after: [a, b] }));
    scenario.end(scenario.attempt(b), FAILS);
    expect(statesOf(scenario)).toEqual({ [b]: "failed", [last]: "canceled" });
  });

  test("goes on to what comes after, in the same turn, and lets what waits for a failure start", () => {
    const scenario = aScenario();
    const first = scenario.submit();
    const second = scenario.submit(aJob({ after: [first] }));
    const third = scenario.submit(aJob({ after: [second] }));
    const cleanUp = scenario.submit(aJob({ after: [{ job: third, when: "onFailure" }] }));
    scenario.end(scenario.attempt(first), FAILS);
    expect(scenario.eventsNamed("job.dependencyFailed").map((event) => [event.jobId, event.dependencyJobId])).toEqual([
      [second, first],
      [third, second],
    ]);
    expect(scenario.task(cleanUp)?.state).toBe("running");
  });

  test("follows from the cancel of a job that is itself held", () => {
    const scenario = aScenario();
    const first = scenario.submit();
    const second = scenario.submit(aJob({ after: [first] }));
    const third = scenario.submit(aJob({ after: [second] }));
    scenario.turn(cancel(second));
    expect(statesOf(scenario)).toEqual({ [second]: "canceled", [third]: "canceled" });
    expect(scenario.eventsNamed("task.ended").map(({ jobId, cause }) => [jobId, cause])).toEqual([
      [second, "canceled"],
      [third, "dependencyFailed"],
    ]);
    expect(scenario.task(first)?.state).toBe("running");
  });

  test("follows from the cancel of a job that runs only when it has ended, by how it ended", () => {
    const scenario = aScenario();
    const first = scenario.submit();
    const second = scenario.submit(aJob({ after: [first] }));
    scenario.turn(cancel(first));
    expect(scenario.task(second)?.state).toBe("queued");
    // It was through before the stop reached it.
    scenario.end(scenario.attempt(first));
    expect(scenario.task(second)?.state).toBe("running");
  });

  test("takes no place in the queue on the way", () => {
    const scenario = aScenario();
    const first = scenario.submit();
    scenario.submit(aJob({ resources: { gpus: 1 } }));
    scenario.submit(aJob({ after: [first], array: { size: 50 }, resources: { gpus: 1 } }));
    scenario.end(scenario.attempt(first), FAILS);
    const [shape] = [...scenario.fleet.queue.shapes()];
    expect([shape?.waitingCount, shape?.positions.size]).toEqual([1, 1]);
  });

  test("runs down a chain of 100,000 jobs in one turn", () => {
    const scenario = new Scenario();
    const length = 100_000;
    const spec = aJob();
    for (let id = 1; id <= length; id++) {
      const after = id === 1 ? [] : [{ jobId: (id - 1) as JobId, when: "onSuccess" } as const];
      scenario.submit({ ...spec, after });
    }
    scenario.turn(cancel(1 as JobId));
    expect(scenario.fleet.jobs.size).toBe(0);
    expect(scenario.eventsNamed("job.dependencyFailed").at(-1)).toMatchObject({ jobId: length });
  }, 20_000);
});

describe("the submission of a job that comes after others", () => {
  test("is refused where one of them does not exist, and names it", () => {
    const scenario = aScenario();
    const first = scenario.submit();
    const [result] = scenario.turn(submission([first, 99]));
    expect(result).toMatchObject({ ok: false, code: "dependency.notFound", message: expect.stringContaining("99") });
    expect(scenario.fleet.jobs.size).toBe(1);
  });

  test("cannot name itself, so there are no cycles", () => {
    const [result] = aScenario().turn(submission([1]));
    expect(result).toMatchObject({ ok: false, code: "dependency.notFound" });
  });

  test.each<[JobState, string]>([
    ["succeeded", "running"],
    ["failed", "canceled"],
    ["canceled", "canceled"],
  ])("counts the end of one that is history at once: after one that %s it is %s", (ended, state) => {
    const scenario = aScenario();
    const [result] = scenario.turn(submission([77], [[77, ended]]));
    expect(result).toEqual({ ok: true, jobId: 1, created: true });
    expect(scenario.task(1 as JobId)?.state ?? statesOf(scenario)[1]).toBe(state);
  });

  test.each<[JobDependency["when"], string]>([
    ["onSuccess", "running"],
    ["onFailure", "canceled"],
  ])("counts an end of the same turn: %s it is %s", (when, state) => {
    const scenario = aScenario();
    const first = scenario.submit();
    scenario.turn(endOf(scenario, first), submission([{ job: first, when }]));
    expect(scenario.task(2 as JobId)?.state ?? statesOf(scenario)[2]).toBe(state);
    expect(brokenInvariants(scenario.fleet)).toEqual([]);
  });

  test("and the end of what it comes after may share a turn, in which it starts", () => {
    const scenario = aScenario();
    const first = scenario.submit();
    scenario.turn(submission([first]), endOf(scenario, first));
    expect(scenario.task(2 as JobId)?.state).toBe("running");
  });
});

describe("a turn whose commit fails", () => {
  test("holds again what it had let start", () => {
    const scenario = aScenario();
    const first = scenario.submit();
    const dependent = scenario.submit(aJob({ after: [first], array: { size: 5 } }));
    const other = scenario.submit(aJob({ resources: { cpus: 2 } }));
    for (let i = 0; i < 3; i++) {
      scenario.failingTurn(endOf(scenario, first));
      expect(scenario.fleet.dependencies.isHeld(dependent)).toBe(true);
      expect(scenario.fleet.queue.waitingCount).toBe(1);
      expect(brokenInvariants(scenario.fleet)).toEqual([]);
    }
    scenario.turn(endOf(scenario, first));
    expect([0, 1, 2, 3, 4].map((index) => scenario.task(dependent, index)?.state)).toEqual([
      "running",
      "running",
      "queued",
      "queued",
      "queued",
    ]);
    expect(scenario.task(other)?.state).toBe("queued");
  });

  test("leaves no place in the queue behind for a job that it holds again", () => {
    const scenario = aScenario();
    const first = scenario.submit();
    scenario.submit(aJob({ resources: { gpus: 1 } }));
    const dependent = scenario.submit(aJob({ after: [first], array: { size: 50 }, resources: { gpus: 1 } }));
    for (let i = 0; i < 5; i++) scenario.failingTurn(endOf(scenario, first));
    const [shape] = [...scenario.fleet.queue.shapes()];
    expect([shape?.waitingCount, shape?.positions.size]).toEqual([1, 1]);
    scenario.turn(endOf(scenario, first));
    expect(scenario.fleet.dependencies.isHeld(dependent)).toBe(false);
    expect([shape?.waitingCount, shape?.positions.size]).toEqual([51, 51]);
  });

  test("gives back what it had ended for a dependency, all down the chain", () => {
    const scenario = aScenario();
    const first = scenario.submit();
    const second = scenario.submit(aJob({ after: [first] }));
    const third = scenario.submit(aJob({ after: [second], array: { size: 2 } }));
    scenario.failingTurn(endOf(scenario, first, FAILS));
    expect([second, third].map((id) => scenario.fleet.jobs.get(id)?.state)).toEqual(["queued", "queued"]);
    expect([second, third].map((id) => scenario.fleet.dependencies.isHeld(id))).toEqual([true, true]);
    expect(brokenInvariants(scenario.fleet)).toEqual([]);
    scenario.turn(endOf(scenario, first, FAILS));
    expect(statesOf(scenario)).toEqual({ [first]: "failed", [second]: "canceled", [third]: "canceled" });
  });

  test("leaves no end behind where an input is broken off by a defect", () => {
    const scenario = aScenario();
    const first = scenario.submit();
    const second = scenario.submit(aJob({ after: [first] }));
    const ends = endOf(scenario, first, FAILS) as Extract<Happening, { type: "attemptReports" }>;
    const broken = { ...ends, reports: [...ends.reports, null as never] };
    expect(() => scenario.failingTurn(broken)).toThrow(TypeError);
    scenario.fleet.rollback();
    expect(scenario.fleet.dependencies.takeEnded()).toEqual([]);
    expect(scenario.fleet.dependencies.isHeld(second)).toBe(true);
  });

  test("forgets a dependent that it had taken in", () => {
    const scenario = aScenario();
    const first = scenario.submit();
    scenario.failingTurn(submission([first]));
    expect(scenario.fleet.dependencies.heldJobIds().size).toBe(0);
    expect(scenario.fleet.dependencies.dependentsOf(first).size).toBe(0);
    scenario.failingTurn(submission([first]), endOf(scenario, first));
    expect(scenario.fleet.queue.waitingCount).toBe(0);
    expect(brokenInvariants(scenario.fleet)).toEqual([]);
  });
});

describe("the reason why a held job waits", () => {
  test("is the dependency, whatever there is room for, and names the jobs and their states", () => {
    const scenario = new Scenario();
    scenario.hello(1, { cpus: 1 });
    const [a, b] = [scenario.submit(), scenario.submit()];
    const dependent = scenario.submit(aJob({ after: [a, b], resources: { gpus: 64 } }));
    const job = scenario.fleet.jobs.get(dependent)!;
    expect(whyJobWaits(scenario.fleet, job, scenario.now.wallMs)).toEqual({
      code: "dependency",
      message: `it comes after jobs that have not ended: job ${a} (running), job ${b} (queued); see what they do with \`drover job ID\``,
      nodes: [],
      nodeCount: 1,
      constraints: [],
      aheadCount: 0,
      start: null,
    });
    scenario.end(scenario.attempt(a));
    expect(whyJobWaits(scenario.fleet, job, scenario.now.wallMs).message).toContain(`ended: job ${b} (running);`);
    scenario.end(scenario.attempt(b));
    expect(whyJobWaits(scenario.fleet, job, scenario.now.wallMs).code).toBe("noNodeCouldEverFit");
  });

  test("names a few of many", () => {
    const scenario = new Scenario();
    const ids = Array.from({ length: 12 }, () => scenario.submit());
    const job = scenario.fleet.jobs.get(scenario.submit(aJob({ after: ids })))!;
    expect(whyJobWaits(scenario.fleet, job, scenario.now.wallMs).message).toContain("job 5 (queued) and 7 more;");
  });

  test("is counted by task beside the reasons of the scheduler", () => {
    const scenario = new Scenario();
    const first = scenario.submit(aJob({ array: { size: 2 } }));
    scenario.submit(aJob({ after: [first], array: { size: 30 } }));
    scenario.submit(aJob({ after: [first] }));
    expect(Object.fromEntries(countWaiting(scenario.fleet))).toEqual({ dependency: 31, noNodes: 2 });
  });
});
