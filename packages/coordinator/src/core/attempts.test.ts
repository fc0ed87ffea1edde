import { describe, expect, test } from "vitest";
import { aJob, aReport, nodeIdOf, Scenario } from "../testing/scenario.ts";
import { explainWaiting } from "./scheduler/explain.ts";
import { MAX_FAULTLESS_ENDS } from "./end-attempt.ts";

function running(job: Parameters<typeof aJob>[0] = {}) {
  const scenario = new Scenario();
  scenario.hello(1);
  const jobId = scenario.submit(aJob(job));
  return { scenario, jobId };
}

describe("an attempt", () => {
  test("is told to its node once it is assigned, with everything it needs", () => {
    const { scenario, jobId } = running({ command: ["echo", "hi"], env: { A: "1" } });
    expect(scenario.told(1)).toMatchObject([
      {
        desired: "run",
        attemptId: `${jobId}.0.1-test00`,
        assignment: { command: ["echo", "hi"], env: { A: "1" }, taskCount: 1, attemptNumber: 1 },
      },
    ]);
  });

  test("that exits with 0 makes its task and job succeed, and is to be forgotten", () => {
    const { scenario, jobId } = running();
    const attempt = scenario.attempt(jobId);
    scenario.report(1, [aReport(attempt.id)]);
    scenario.end(attempt);
    expect(scenario.told(1)).toEqual([{ desired: "forget", attemptId: attempt.id }]);
    expect(scenario.eventsNamed("task.ended")).toMatchObject([{ state: "succeeded", cause: "exitedZero" }]);
    expect(scenario.eventsNamed("job.ended")).toMatchObject([{ state: "succeeded", succeeded: 1 }]);
    expect(scenario.fleet.jobs.size + scenario.fleet.tasks.size + scenario.fleet.attempts.size).toBe(0);
  });

  test("is told of in one line per change, however often the agent repeats itself", () => {
    const { scenario, jobId } = running();
    const attempt = scenario.attempt(jobId);
    for (let i = 0; i < 3; i++) scenario.report(1, [aReport(attempt.id)]);
    for (let i = 0; i < 3; i++) scenario.end(attempt);
    expect(scenario.events.map((event) => event.event)).toEqual([
      "node.joined",
      "node.online",
      "job.submitted",
      "job.started",
      "attempt.assigned",
      "attempt.started",
      "attempt.ended",
      "task.ended",
      "job.ended",
    ]);
    expect(scenario.told(1)).toEqual([{ desired: "forget", attemptId: attempt.id }]);
  });

  test("never goes back to an earlier state on a late report", () => {
    const { scenario, jobId } = running();
    const attempt = scenario.attempt(jobId);
    scenario.report(1, [aReport(attempt.id, { state: "releasing" })]);
    scenario.report(1, [aReport(attempt.id, { state: "running" })]);
    expect(scenario.attempt(jobId).state).toBe("releasing");
  });

  test("reported by a node that it was not given to changes nothing and is stopped there", () => {
    const { scenario, jobId } = running();
    scenario.hello(2);
    const attempt = scenario.attempt(jobId);
    scenario.report(2, [aReport(attempt.id)]);
    expect(scenario.attempt(jobId).state).toBe("assigned");
    expect(scenario.told(2)).toEqual([{ desired: "stop", attemptId: attempt.id, cause: "canceled" }]);
  });

  test("reported over a connection that was replaced changes nothing", () => {
    const { scenario, jobId } = running();
    scenario.hello(1, { attempts: [] }, 99);
    scenario.report(1, [aReport(scenario.attempt(jobId).id)], 1);
    expect(scenario.attempt(jobId).state).toBe("assigned");
  });
});

describe("the retry policy", () => {
  test("gives a failed task another attempt while retries are left", () => {
    const { scenario, jobId } = running({ retries: 1 });
    scenario.end(scenario.attempt(jobId), { type: "exited", code: 3 });
    expect(scenario.attempt(jobId).number).toBe(2);
    scenario.end(scenario.attempt(jobId), { type: "timedOut" });
    expect(scenario.eventsNamed("task.ended")).toMatchObject([{ state: "failed", cause: "timedOut" }]);
    expect(scenario.eventsNamed("task.requeued")).toMatchObject([
      { cause: "exitedNonZero", blame: "user", nextAttemptNumber: 2 },
    ]);
  });

  test("does not count ends that are not the user's", () => {
    const { scenario, jobId } = running({ retries: 0 });
    scenario.end(scenario.attempt(jobId), { type: "nodeLost", code: "supervisorLost" });
    scenario.end(scenario.attempt(jobId), { type: "startFailed", code: "nodeOutOfResources", message: "fork failed" });
    // The node fails to start things, so it gets a pause.
    scenario.pass(2000);
    scenario.turn({ type: "tick" });
    // Somebody stopped it on the machine, not through Drover.
    scenario.end(scenario.attempt(jobId), { type: "canceled" });
    expect(scenario.attempt(jobId).number).toBe(4);
    scenario.end(scenario.attempt(jobId), { type: "startFailed", code: "commandNotFound", message: "no such program" });
    expect(scenario.eventsNamed("task.ended")).toMatchObject([{ state: "failed", cause: "startFailed" }]);
  });

  test("gives up on a task that loses every attempt without fault of its own", () => {
    const { scenario, jobId } = running();
    for (let i = 0; i < MAX_FAULTLESS_ENDS; i++)
      scenario.end(scenario.attempt(jobId), { type: "nodeLost", code: "supervisorLost" });
    expect(scenario.eventsNamed("task.ended")).toMatchObject([{ state: "failed", cause: "attemptsExhausted" }]);
  });

  test("fails a job when any task failed, and only once all have ended", () => {
    const { scenario, jobId } = running({ array: { size: 2 } });
    const [first, second] = [scenario.attempt(jobId, 0), scenario.attempt(jobId, 1)];
    scenario.end(first, { type: "exited", code: 1 });
    expect(scenario.fleet.jobs.get(jobId)?.state).toBe("running");
    scenario.end(second);
    expect(scenario.eventsNamed("job.ended")).toMatchObject([{ state: "failed", succeeded: 1, failed: 1 }]);
  });
});

describe("a node that cannot start what it is given", () => {
  const NO_PROCESS = { type: "startFailed", code: "nodeOutOfResources", message: "fork failed" } as const;

  test("does not drain the queue: the next attempt goes elsewhere", () => {
    const { scenario, jobId } = running({ retries: 0 });
    scenario.hello(2);
    scenario.end(scenario.attempt(jobId), NO_PROCESS);
    expect(scenario.attempt(jobId)).toMatchObject({ number: 2, nodeId: nodeIdOf(2) });
  });

  test("pauses twice as long after each failure in a row, and is like any other once something ran", () => {
    const { scenario, jobId } = running({ retries: 0 });
    for (const pauseMs of [2000, 4000]) {
      scenario.end(scenario.attempt(jobId), NO_PROCESS);
      expect(explainWaiting(scenario.fleet, aJob().resources).nodes[0]?.verdict).toBe("coolingDown");
      scenario.pass(pauseMs - 1);
      scenario.turn({ type: "tick" });
      expect(scenario.task(jobId)?.state).toBe("queued");
      scenario.pass(1);
      scenario.turn({ type: "tick" });
    }
    scenario.report(1, [aReport(scenario.attempt(jobId).id)]);
    scenario.end(scenario.attempt(jobId), NO_PROCESS);
    scenario.pass(2000);
    scenario.turn({ type: "tick" });
    expect(scenario.attempt(jobId).number).toBe(4);
  });

  test("pauses once for all that fail together", () => {
    const { scenario, jobId } = running({ retries: 0, array: { size: 4 } });
    for (const index of [0, 1, 2, 3]) scenario.end(scenario.attempt(jobId, index), NO_PROCESS);
    scenario.pass(2000);
    scenario.turn({ type: "tick" });
    expect(scenario.attempt(jobId, 3).number).toBe(2);
  });
});

describe("cancelling a job", () => {
  const cancel = (jobId: number) => ({ type: "cancelJob", jobId: jobId as never, actor: "test" }) as const;

  test("cancels what waits at once and stops what runs", () => {
    const { scenario, jobId } = running({ array: { size: 3 }, resources: { cpus: 2 } });
    const attempt = scenario.attempt(jobId, 0);
    scenario.turn(cancel(jobId));
    expect(scenario.told(1).map((told) => told.desired)).toEqual(["stop", "stop"]);
    expect(scenario.eventsNamed("task.ended")).toMatchObject([{ taskIndex: 2, state: "canceled" }]);
    scenario.end(attempt, { type: "canceled" });
    scenario.end(scenario.attempt(jobId, 1), { type: "canceled" });
    expect(scenario.eventsNamed("job.ended")).toMatchObject([{ state: "canceled", canceled: 3 }]);
  });

  test("twice, or after the end, changes nothing", () => {
    const { scenario, jobId } = running();
    scenario.turn(cancel(jobId));
    scenario.turn(cancel(jobId));
    expect(scenario.eventsNamed("job.cancelRequested")).toHaveLength(1);
    expect(scenario.effects.events).toEqual([]);
    scenario.end(scenario.attempt(jobId), { type: "canceled" });
    scenario.turn(cancel(jobId));
    expect(scenario.effects.events).toEqual([]);
  });

  test("too late, when the command has succeeded already, leaves the success", () => {
    const { scenario, jobId } = running();
    scenario.turn(cancel(jobId));
    scenario.end(scenario.attempt(jobId));
    expect(scenario.eventsNamed("job.ended")).toMatchObject([{ state: "succeeded" }]);
  });

  test("does not retry what was stopped", () => {
    const { scenario, jobId } = running({ retries: 5 });
    scenario.turn(cancel(jobId));
    scenario.end(scenario.attempt(jobId), { type: "signaled", signal: "SIGKILL" });
    expect(scenario.eventsNamed("job.ended")).toMatchObject([{ state: "canceled" }]);
  });
});
