import fc from "fast-check";
import { expect, test } from "vitest";
import type { AttemptOutcome } from "@drover/shared/domain/attempt.ts";
import {
  DependencyCondition,
  judgeDependency,
  type DependencyStanding,
  type JobDependency,
} from "@drover/shared/domain/dependency.ts";
import type { JobId } from "@drover/shared/domain/ids.ts";
import type { JobState } from "@drover/shared/domain/job.ts";
import type { FleetEvent } from "@drover/shared/events.ts";
import { brokenInvariants } from "../testing/fleet-invariants.ts";
import { aHello, aJob, aReport, nodeIdOf, Scenario, SETTINGS } from "../testing/scenario.ts";
import type { Command, Happening } from "./input.ts";
import { lostAfterMs } from "./liveness.ts";
import type { JobRecord } from "./records.ts";

/** What can happen to a fleet, in terms of choices: which node or attempt is meant depends on what there is. */
const Action = fc.oneof(
  fc.record({
    type: fc.constant("submit" as const),
    cpus: fc.integer({ min: 0, max: 6 }),
    gpus: fc.integer({ min: 0, max: 2 }),
    size: fc.integer({ min: 1, max: 4 }),
    retries: fc.integer({ min: 0, max: 2 }),
    wait: fc.boolean(),
    after: fc.array(fc.record({ pick: fc.nat(), when: fc.constantFrom(...Object.values(DependencyCondition)) }), {
      maxLength: 3,
    }),
  }),
  fc.record({
    type: fc.constant("hello" as const),
    node: fc.integer({ min: 1, max: 3 }),
    forgets: fc.boolean(),
    reboots: fc.boolean(),
  }),
  fc.record({
    type: fc.constant("ails" as const),
    node: fc.integer({ min: 1, max: 3 }),
    /** Of the node's two GPUs; the node itself with both. */
    unhealthyGpus: fc.subarray([0, 1]),
    isUnhealthy: fc.boolean(),
  }),
  fc.record({ type: fc.constant("gone" as const), node: fc.integer({ min: 1, max: 3 }) }),
  fc.record({
    type: fc.constant("report" as const),
    pick: fc.nat(),
    end: fc.constantFrom<AttemptOutcome | null>(
      null,
      { type: "exited", code: 0 },
      { type: "exited", code: 1 },
      { type: "canceled" },
      { type: "nodeLost", code: "supervisorLost" },
    ),
  }),
  fc.record({ type: fc.constant("cancel" as const), pick: fc.nat() }),
  fc.record({
    type: fc.constant("tick" as const),
    seconds: fc.constantFrom(1, 20, Math.ceil(lostAfterMs(SETTINGS) / 1000) + 1),
  }),
  fc.record({ type: fc.constant("restarted" as const) }),
);
const Turn = fc.array(Action, { minLength: 1, maxLength: 3 });
type Action = typeof Action extends fc.Arbitrary<infer A> ? A : never;

class Run {
  readonly scenario = new Scenario();
  readonly boots = [0, 1, 1, 1];
  readonly endedTasks = new Set<string>();
  /** What the store knows: how each job has ended, in committed turns. */
  readonly endedJobs = new Map<JobId, JobState>();
  readonly submitted = new Map<JobId, readonly JobDependency[]>();
  #sessionId = 0;

  /** One turn. What is meant by each action follows from how the fleet was before it. */
  apply(actions: readonly Action[], commitFails: boolean): void {
    const inputs = actions.flatMap((action) => this.#inputsFor(action));
    if (inputs.length === 0) return;
    const before = this.scenario.events.length;
    if (commitFails) {
      this.scenario.failingTurn(...inputs);
      expect(brokenInvariants(this.scenario.fleet)).toEqual([]);
    }
    const results = this.scenario.turn(...inputs);
    expect(brokenInvariants(this.scenario.fleet)).toEqual([]);
    for (const [index, input] of inputs.entries()) {
      const result = results[index];
      if (input.type === "submitJob" && result?.ok && "jobId" in result)
        this.submitted.set(result.jobId, input.spec.after);
    }
    const events = this.scenario.events.slice(before);
    for (const event of events) {
      if (event.event === "job.ended") this.endedJobs.set(event.jobId as JobId, event.state);
      if (event.event !== "task.ended") continue;
      const key = `${event.jobId}.${event.taskIndex}`;
      expect(this.endedTasks, `${key} ends once`).not.toContain(key);
      this.endedTasks.add(key);
    }
    this.#expectConditionsKept(events);
  }

  /** No live job has a dependency that failed it, none began before all were met, and none was ended for less. */
  #expectConditionsKept(events: readonly FleetEvent[]): void {
    for (const { id, startedAtMs } of this.scenario.fleet.jobs.values()) {
      const standings = this.#standingsOf(id);
      expect(standings, `job ${id} lives on`).not.toContain("failed");
      if (startedAtMs !== null) expect(standings, `job ${id} has started`).not.toContain("awaited");
    }
    for (const event of events) {
      if (event.event !== "job.dependencyFailed") continue;
      expect(this.#standingsOf(event.jobId as JobId), `job ${event.jobId} was ended`).toContain("failed");
      expect(this.endedJobs.get(event.dependencyJobId as JobId)).toBe(event.dependencyState);
    }
  }

  #standingsOf(jobId: JobId): DependencyStanding[] {
    const after = this.submitted.get(jobId) ?? [];
    return after.map((dependency) =>
      judgeDependency(dependency.when, this.endedJobs.get(dependency.jobId) ?? "queued"),
    );
  }

  #inputsFor(action: Action): (Command | Happening)[] {
    const { fleet } = this.scenario;
    const attempts = [...fleet.attempts.values()];
    switch (action.type) {
      case "submit": {
        const { cpus, gpus, size, retries, wait, after } = action;
        // Any job that there ever was, once: alive, ended in this very turn, or long ago.
        const earlier = [...this.submitted.keys()];
        const conditions = new Map(after.map(({ pick, when }) => [earlier[pick % (earlier.length || 1)], when]));
        const spec = aJob({
          after: [...conditions].flatMap(([job, when]) => (job === undefined ? [] : [{ job, when }])),
          resources: { cpus, gpus },
          array: { size },
          retries,
          onDisconnect: wait ? "wait" : "restart",
        });
        return [{ type: "submitJob", spec, idempotency: null, storedUnderKey: null, storedEnds: this.endedJobs }];
      }
      case "hello": {
        const { node, forgets, reboots } = action;
        if (reboots) this.boots[node] = (this.boots[node] ?? 0) + 1;
        const held = forgets || reboots ? [] : attempts.filter((attempt) => attempt.nodeId === nodeIdOf(node));
        const hello = aHello(node, {
          gpus: 2,
          cpus: 4,
          bootId: `boot-${this.boots[node]}`,
          attempts: held.map(({ id }) => aReport(id)),
        });
        return [{ type: "agentHello", sessionId: ++this.#sessionId, hello }];
      }
      case "ails": {
        const nodeId = nodeIdOf(action.node);
        const sessionId = fleet.sessionIdOf(nodeId);
        const { hardware, capacity } = aHello(action.node, { gpus: 2, cpus: 4 });
        const reason = { code: "gpuLost", state: "unhealthy" as const, evidence: "", sinceMs: 1 };
        const gpus = action.unhealthyGpus.map((index) => ({
          gpuId: `GPU-${action.node}-${index}`,
          state: "unhealthy" as const,
          reasons: [reason],
        }));
        const health = action.isUnhealthy
          ? { state: "unhealthy" as const, reasons: [{ ...reason, code: "diskFull" }], gpus }
          : { state: "healthy" as const, reasons: [], gpus };
        return sessionId ? [{ type: "nodeChanges", sessionId, nodeId, changes: { hardware, capacity, health } }] : [];
      }
      case "gone": {
        const nodeId = nodeIdOf(action.node);
        const sessionId = fleet.sessionIdOf(nodeId);
        return sessionId ? [{ type: "agentGone", sessionId, nodeId, reason: "cut" }] : [];
      }
      case "report": {
        const attempt = attempts[action.pick % (attempts.length || 1)];
        if (!attempt) return [];
        const sessionId = fleet.sessionIdOf(attempt.nodeId) ?? 0;
        const report = action.end
          ? aReport(attempt.id, { state: "ended", outcome: action.end, endedAtMs: this.scenario.now.wallMs })
          : aReport(attempt.id);
        return [{ type: "attemptReports", sessionId, nodeId: attempt.nodeId, reports: [report] }];
      }
      case "cancel": {
        const jobs = [...fleet.jobs.values()];
        const job = jobs[action.pick % (jobs.length || 1)];
        return job ? [{ type: "cancelJob", jobId: job.id, actor: "test" }] : [];
      }
      case "tick":
        this.scenario.pass(action.seconds * 1000);
        return [{ type: "tick" }];
      case "restarted":
        return [{ type: "restarted" }];
    }
  }
}

test("whatever happens, in whatever order, with commits failing in between, no invariant breaks", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(Turn, fc.boolean()), { minLength: 10, maxLength: 50 }), (turns) => {
      const run = new Run();
      for (const [actions, commitFails] of turns) run.apply(actions, commitFails);
    }),
    { numRuns: 400 },
  );
}, 20_000);

test("the invariants can fail: a fleet that holds a device twice is found out", () => {
  const { scenario } = new Run();
  scenario.hello(1, { gpus: 1 });
  const jobId = scenario.submit(aJob({ resources: { gpus: 1 } }));
  const attempt = scenario.attempt(jobId);
  const twin = { ...attempt, id: "1.0.2-test00" as never, number: 2 };
  scenario.fleet.attempts.put(twin.id, twin);
  expect(brokenInvariants(scenario.fleet).join("\n")).toMatch(/two live attempts[\s\S]*GPU is promised twice/);
});

test("the invariants can fail: a held job that has an attempt, or is held for nothing, is found out", () => {
  const { scenario } = new Run();
  scenario.hello(1);
  const first = scenario.submit();
  const held = scenario.submit(aJob({ after: [first] }));
  const attempt = scenario.attempt(first);
  const early = { ...attempt, id: "2.0.1-test00" as never, jobId: held };
  scenario.fleet.attempts.put(early.id, early);
  expect(brokenInvariants(scenario.fleet).join("\n")).toMatch(/job 2 has an attempt before its dependencies/);
  scenario.fleet.rollback();
  // The index is told what is not so: that the second has gone, and that the first comes after it.
  const [free, bound] = [first, held].map((id) => scenario.fleet.jobs.get(id)!) as [JobRecord, JobRecord];
  scenario.fleet.dependencies.onJobChange(bound, undefined);
  const after = [{ jobId: held, when: "always" as const }];
  scenario.fleet.dependencies.onJobChange(undefined, { ...free, spec: { ...free.spec, after } });
  expect(brokenInvariants(scenario.fleet)).toEqual([
    "heldWhileDependenciesAreUndecided: job 1 is held for nothing",
    "heldWhileDependenciesAreUndecided: job 2 is not held",
    "heldTasksSayWhy: job 2 says that it waits for noNodeFitsNow",
  ]);
});
