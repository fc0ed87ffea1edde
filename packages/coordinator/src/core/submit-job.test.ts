import { describe, expect, test } from "vitest";
import { brokenInvariants } from "../testing/fleet-invariants.ts";
import { aJob, Scenario } from "../testing/scenario.ts";
import { MAX_HOT_TASKS } from "./submit-job.ts";

describe("a submission", () => {
  test("makes one task per member of its array", () => {
    const scenario = new Scenario();
    const jobId = scenario.submit(aJob({ array: { size: 3 } }));
    expect([0, 1, 2].map((index) => scenario.task(jobId, index)?.state)).toEqual(["queued", "queued", "queued"]);
    expect(scenario.task(jobId, 3)).toBeUndefined();
  });

  test("with a key that made a job before answers with that job, in the same turn too", () => {
    const scenario = new Scenario();
    const spec = aJob();
    const submission = {
      type: "submitJob",
      actor: "anna",
      spec,
      idempotency: { key: "k", requestSha256: "a" },
      storedUnderKey: null,
      storedEnds: new Map(),
    } as const;
    const results = scenario.turn(submission, submission);
    expect(results).toEqual([
      { ok: true, jobId: 1, created: true },
      { ok: true, jobId: 1, created: false },
    ]);
    expect(scenario.eventsNamed("job.submitted")).toHaveLength(1);
  });

  test("with a key that the store knows answers with the stored job", () => {
    const scenario = new Scenario();
    const [result] = scenario.turn({
      type: "submitJob",
      actor: "anna",
      spec: aJob(),
      idempotency: { key: "k", requestSha256: "a" },
      storedUnderKey: { jobId: 77 as never, requestSha256: "a" },
      storedEnds: new Map(),
    });
    expect(result).toEqual({ ok: true, jobId: 77, created: false });
  });

  test("with a key that was used for another request is refused", () => {
    const scenario = new Scenario();
    scenario.submit(aJob({ name: "one" }), "k");
    const [result] = scenario.turn({
      type: "submitJob",
      actor: "anna",
      spec: aJob({ name: "two" }),
      idempotency: { key: "k", requestSha256: "other" },
      storedUnderKey: null,
      storedEnds: new Map(),
    });
    expect(result).toMatchObject({ ok: false, code: "idempotency.mismatch" });
  });

  test("beyond what memory is meant to hold is refused", () => {
    const scenario = new Scenario();
    const size = 100_000;
    for (let count = 0; count < MAX_HOT_TASKS; count += size) scenario.submit(aJob({ array: { size } }));
    const [result] = scenario.turn({
      type: "submitJob",
      actor: "anna",
      spec: aJob(),
      idempotency: null,
      storedUnderKey: null,
      storedEnds: new Map(),
    });
    expect(result).toMatchObject({ ok: false, code: "job.tooManyHot" });
    // A million tasks take two seconds where nothing else runs.
  }, 20_000);

  test("whose commit fails leaves nothing behind, and its number is not given again", () => {
    const scenario = new Scenario();
    scenario.hello(1);
    const submission = {
      type: "submitJob",
      actor: "anna",
      spec: aJob(),
      idempotency: { key: "k", requestSha256: "a" },
      storedUnderKey: null,
      storedEnds: new Map(),
    } as const;
    scenario.failingTurn(submission);
    expect(scenario.fleet.jobs.size).toBe(0);
    expect(scenario.fleet.queue.waitingCount).toBe(0);
    expect(scenario.fleet.attempts.size).toBe(0);
    expect(scenario.turn(submission)).toEqual([{ ok: true, jobId: 2, created: true }]);
    expect(scenario.attempt(2 as never).state).toBe("assigned");
  });

  test("whose commit fails leaves no place in the queue that a later job could be taken for", () => {
    const scenario = new Scenario();
    const large = aJob({ resources: { cpus: 4 } });
    const submission = {
      type: "submitJob",
      actor: "anna",
      idempotency: null,
      storedUnderKey: null,
      storedEnds: new Map(),
    } as const;
    const waiting = scenario.submit(large);
    scenario.failingTurn({ ...submission, spec: large });
    const small = scenario.submit(aJob({ resources: { cpus: 1 } }));
    scenario.hello(1, { cpus: 16 });
    expect([scenario.task(waiting)?.state, scenario.task(small)?.state]).toEqual(["running", "running"]);
    expect(brokenInvariants(scenario.fleet)).toEqual([]);
  });
});
