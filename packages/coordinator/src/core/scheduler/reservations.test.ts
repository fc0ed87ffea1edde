import { describe, expect, test } from "vitest";
import type { JobId } from "@drover/shared/domain/ids.ts";
import type { JobSubmission } from "@drover/shared/domain/job.ts";
import { aJob, nodeIdOf, Scenario, SETTINGS } from "../../testing/scenario.ts";
import { whyJobWaits } from "../why-waiting.ts";
import { MAX_RESERVATIONS } from "./reservations.ts";

const MINUTE_MS = 60_000;

function stateOf(scenario: Scenario, jobId: JobId): string | undefined {
  return scenario.task(jobId)?.state;
}

function aJobOf(cpus: number, job: Partial<JobSubmission> = {}) {
  return aJob({ resources: { cpus, memory: 1 }, ...job });
}

/** Two CPUs, of which one is held for ten minutes at the most, and a job that wants both. */
function aBlockedJob(job: Partial<JobSubmission> = {}) {
  const scenario = new Scenario();
  scenario.hello(1, { cpus: 2 });
  const running = scenario.submit(aJobOf(1, { timeout: "10m", ...job }));
  const blocked = scenario.submit(aJobOf(2, { timeout: "2m" }));
  return { scenario, running, blocked };
}

describe("a node that is kept for what comes first", () => {
  test("is not given to what might still run when the first could start", () => {
    const { scenario, running, blocked } = aBlockedJob();
    const endless = scenario.submit(aJobOf(1));
    const long = scenario.submit(aJobOf(1, { timeout: "11m" }));
    expect([endless, long].map((id) => stateOf(scenario, id))).toEqual(["queued", "queued"]);
    scenario.end(scenario.attempt(running));
    expect(stateOf(scenario, blocked)).toBe("running");
  });

  test("is given to what ends before", () => {
    const { scenario, blocked } = aBlockedJob();
    const short = scenario.submit(aJobOf(1, { timeout: "9m" }));
    expect(stateOf(scenario, short)).toBe("running");
    expect(stateOf(scenario, blocked)).toBe("queued");
  });

  test("is given to what ends before by what jobs of its name took", () => {
    const scenario = new Scenario();
    scenario.hello(1, { cpus: 2 });
    const measured = scenario.submit(aJobOf(1, { name: "nightly" }));
    const attempt = scenario.attempt(measured);
    scenario.report(1, [
      {
        attemptId: attempt.id,
        state: "running",
        pid: 1,
        startedAtMs: scenario.now.wallMs,
        outcome: null,
        endedAtMs: null,
        outputBytes: 0,
        usage: null,
      },
    ]);
    scenario.pass(3 * MINUTE_MS);
    scenario.end(scenario.attempt(measured));
    scenario.submit(aJobOf(1, { timeout: "10m" }));
    scenario.submit(aJobOf(2, { timeout: "2m" }));
    const unknown = scenario.submit(aJobOf(1, { name: "other" }));
    const again = scenario.submit(aJobOf(1, { name: "nightly" }));
    expect(scenario.fleet.jobs.get(again)?.expectedMs).toBe(3 * MINUTE_MS);
    expect([unknown, again].map((id) => stateOf(scenario, id))).toEqual(["queued", "running"]);
  });

  test("is given to what it does not need", () => {
    const scenario = new Scenario();
    scenario.hello(1, { cpus: 4 });
    scenario.submit(aJobOf(3));
    const blocked = scenario.submit(aJobOf(3));
    const [beside, tooMuch] = [scenario.submit(aJobOf(1)), scenario.submit(aJobOf(1))];
    expect([blocked, beside, tooMuch].map((id) => stateOf(scenario, id))).toEqual(["queued", "running", "queued"]);
  });

  test("is given to what comes before, which moves the reservation on", () => {
    const { scenario, blocked } = aBlockedJob();
    const urgent = scenario.submit(aJobOf(1, { priority: 1 }));
    expect(stateOf(scenario, urgent)).toBe("running");
    expect(scenario.fleet.reservations.size).toBe(0);
    scenario.submit(aJobOf(0));
    expect(scenario.fleet.reservations.of({ jobId: blocked, taskIndex: 0 })?.startMs).toBeNull();
  });

  test("is free again when the task that it was kept for is canceled, or starts elsewhere", () => {
    const { scenario, blocked } = aBlockedJob();
    const waiting = scenario.submit(aJobOf(1));
    scenario.turn({ type: "cancelJob", jobId: blocked, actor: "test" });
    expect(stateOf(scenario, waiting)).toBe("running");

    const other = aBlockedJob();
    const behind = other.scenario.submit(aJobOf(1));
    other.scenario.hello(2, { cpus: 2 });
    expect(other.scenario.attempt(other.blocked).nodeId).toBe(nodeIdOf(2));
    expect(stateOf(other.scenario, behind)).toBe("running");
  });

  test("changes when it takes no more work", () => {
    const { scenario, blocked } = aBlockedJob();
    scenario.hello(2, { cpus: 2 });
    scenario.submit(aJobOf(1, { timeout: "1h" }));
    const second = scenario.submit(aJobOf(2));
    expect(scenario.fleet.reservations.of({ jobId: second, taskIndex: 0 })?.nodeId).toBe(nodeIdOf(2));
    expect(stateOf(scenario, blocked)).toBe("running");
    const word = { admin: "cordoned", reason: null, deadlineAfterMs: null, actor: "x" } as const;
    scenario.turn({ type: "setNodeAdmin", nodeId: nodeIdOf(2), ...word });
    scenario.submit(aJobOf(0));
    expect(scenario.fleet.reservations.of({ jobId: second, taskIndex: 0 })?.nodeId).toBe(nodeIdOf(1));
  });

  test("is not kept for what no open node could ever take", () => {
    const scenario = new Scenario();
    scenario.hello(1, { cpus: 2 });
    scenario.submit(aJobOf(1));
    scenario.submit(aJobOf(3));
    expect(scenario.fleet.reservations.size).toBe(0);
    const small = scenario.submit(aJobOf(1));
    expect(stateOf(scenario, small)).toBe("running");
  });

  test("is kept for a few, those that come first", () => {
    const scenario = new Scenario();
    const count = MAX_RESERVATIONS + 3;
    for (let number = 1; number <= count; number++) scenario.hello(number, { cpus: 30 });
    scenario.submit(aJob({ array: { size: count }, resources: { cpus: 20, memory: 1 } }));
    const waiting = Array.from({ length: count }, (_, index) => scenario.submit(aJobOf(20 + index / 10)));
    const kept = waiting.filter((jobId) => scenario.fleet.reservations.of({ jobId, taskIndex: 0 }));
    expect(kept).toEqual(waiting.slice(0, MAX_RESERVATIONS));
    const urgent = scenario.submit(aJobOf(25, { priority: 1 }));
    expect(scenario.fleet.reservations.of({ jobId: urgent, taskIndex: 0 })).toBeDefined();
    expect(scenario.fleet.reservations.size).toBe(MAX_RESERVATIONS);
  });

  test("is another one when the first proves a bad choice, however much small work keeps the other full", () => {
    const scenario = new Scenario();
    scenario.hello(1, { cpus: 2 });
    const refill = () => scenario.submit(aJobOf(1));
    refill();
    refill();
    scenario.pass(10 * MINUTE_MS);
    scenario.hello(2, { cpus: 2 });
    const endless = scenario.submit(aJobOf(2));
    expect(scenario.attempt(endless).nodeId).toBe(nodeIdOf(2));
    scenario.pass(MINUTE_MS);
    const large = scenario.submit(aJobOf(2));
    expect(scenario.fleet.reservations.of({ jobId: large, taskIndex: 0 })?.nodeId).toBe(nodeIdOf(2));
    for (let minute = 0; minute < 240 && stateOf(scenario, large) === "queued"; minute++) {
      refill();
      scenario.pass(MINUTE_MS);
      const oldest = [...scenario.fleet.attempts.values()].find(({ nodeId }) => nodeId === nodeIdOf(1));
      if (oldest && minute % 5 === 0) scenario.end(oldest);
    }
    expect(scenario.attempt(large).nodeId).toBe(nodeIdOf(1));
  });

  test("is chosen again when what it waits for outlives its estimate", () => {
    const scenario = new Scenario();
    scenario.hello(1, { cpus: 2 });
    scenario.submit(aJobOf(2, { timeout: "10m" }));
    scenario.hello(2, { cpus: 2 });
    scenario.submit(aJobOf(2, { timeout: "20m" }));
    const large = scenario.submit(aJobOf(2));
    scenario.submit(aJobOf(1));
    const keptOn = () => scenario.fleet.reservations.of({ jobId: large, taskIndex: 0 })?.nodeId;
    expect(keptOn()).toBe(nodeIdOf(1));
    scenario.pass(11 * MINUTE_MS);
    scenario.submit(aJobOf(0));
    expect(keptOn()).toBe(nodeIdOf(2));
    const job = scenario.fleet.jobs.get(large)!;
    scenario.pass(60 * MINUTE_MS);
    scenario.submit(aJobOf(0));
    expect(whyJobWaits(scenario.fleet, job, scenario.now.wallMs).start).toMatchObject({ inMs: null, isBound: false });
  });

  test("is found again within the turn for whoever loses it to what comes first", () => {
    const scenario = new Scenario();
    scenario.hello(1, { cpus: 4 });
    scenario.hello(2, { cpus: 3 });
    scenario.submit(aJobOf(4, { timeout: "10m" }));
    scenario.submit(aJobOf(3, { timeout: "30m" }));
    const displaced = scenario.submit(aJobOf(3));
    expect(scenario.fleet.reservations.of({ jobId: displaced, taskIndex: 0 })?.nodeId).toBe(nodeIdOf(1));
    const first = scenario.submit(aJobOf(4, { priority: 1 }));
    expect(scenario.fleet.reservations.of({ jobId: first, taskIndex: 0 })?.nodeId).toBe(nodeIdOf(1));
    scenario.submit(aJobOf(0));
    expect(scenario.fleet.reservations.of({ jobId: displaced, taskIndex: 0 })?.nodeId).toBe(nodeIdOf(2));
  });

  test("is not kept from what comes first, though a canceled task of its kind came before that", () => {
    const scenario = new Scenario();
    scenario.hello(1, { cpus: 2 });
    scenario.submit(aJobOf(1, { timeout: "10m" }));
    scenario.submit(aJobOf(2, { priority: 1 }));
    const refused = scenario.submit(aJobOf(1));
    expect(stateOf(scenario, refused)).toBe("queued");
    const urgent = scenario.submit(aJobOf(1, { priority: 2 }));
    expect(stateOf(scenario, urgent)).toBe("running");
    scenario.end(scenario.attempt(urgent));
    const canceled = scenario.submit(aJobOf(2, { priority: 5 }));
    scenario.turn({ type: "cancelJob", jobId: canceled, actor: "test" });
    const urgentAgain = scenario.submit(aJobOf(1, { priority: 2 }));
    expect(stateOf(scenario, urgentAgain)).toBe("running");
  });

  test("stays what it was when a turn is taken back that changed it", () => {
    const { scenario, running, blocked } = aBlockedJob();
    const waiting = scenario.submit(aJobOf(1));
    const before = scenario.fleet.reservations.all();
    scenario.failingTurn({ type: "cancelJob", jobId: blocked, actor: "test" });
    expect(scenario.fleet.reservations.all()).toEqual(before);
    scenario.end(scenario.attempt(running));
    expect([blocked, waiting].map((id) => stateOf(scenario, id))).toEqual(["running", "queued"]);
  });
});

describe("why a task waits", () => {
  const whyOf = (scenario: Scenario, jobId: JobId) =>
    whyJobWaits(scenario.fleet, scenario.fleet.jobs.get(jobId)!, scenario.now.wallMs);

  test("says on which node it starts first, when what has ended, and when that is at the latest", () => {
    const { scenario, running, blocked } = aBlockedJob();
    scenario.pass(4 * MINUTE_MS);
    expect(whyOf(scenario, blocked)).toMatchObject({
      code: "noNodeFitsNow",
      aheadCount: 0,
      start: {
        nodeName: "node1",
        isKept: true,
        awaitedCount: 1,
        awaitedJobIds: [running],
        inMs: 6 * MINUTE_MS + SETTINGS.stopGraceMs,
        isBound: true,
      },
    });
  });

  test("says that nobody knows, where what runs has no timeout", () => {
    const { scenario, blocked } = aBlockedJob({ timeout: undefined });
    expect(whyOf(scenario, blocked).start).toMatchObject({ awaitedCount: 1, inMs: null, isBound: false });
  });

  test("is that the room is kept for another, and how many come before it", () => {
    const { scenario } = aBlockedJob();
    const behind = scenario.submit(aJobOf(1));
    const why = whyOf(scenario, behind);
    expect(why).toMatchObject({ code: "keptForEarlier", aheadCount: 1, start: null });
    expect(why.nodes).toMatchObject([{ nodeName: "node1", verdict: "kept" }]);
    expect(why.constraints).toEqual([{ constraint: "reservation", nodeCount: 1, soleCount: 1 }]);
  });
});

describe("the order of the queue", () => {
  test("puts what says that it is short before what came a little earlier, and not before what came an hour earlier", () => {
    const scenario = new Scenario();
    const early = scenario.submit(aJobOf(1));
    scenario.pass(59 * MINUTE_MS);
    const long = scenario.submit(aJobOf(1, { timeout: "3h" }));
    const short = scenario.submit(aJobOf(1, { timeout: "30s" }));
    scenario.pass(2 * MINUTE_MS);
    const late = scenario.submit(aJobOf(1, { timeout: "30s" }));
    scenario.hello(1, { cpus: 1 });
    const order = [early, long, short, late].map(() => {
      const [attempt] = [...scenario.fleet.attempts.values()];
      if (attempt) scenario.end(attempt);
      return attempt?.jobId;
    });
    expect(order).toEqual([short, early, late, long]);
  });
});
