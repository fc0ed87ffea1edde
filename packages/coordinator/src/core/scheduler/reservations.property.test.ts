import fc from "fast-check";
import { expect, test } from "vitest";
import { taskKey } from "@drover/shared/domain/ids.ts";
import { aJob, Scenario } from "../../testing/scenario.ts";
import { brokenInvariants } from "../../testing/fleet-invariants.ts";
import type { AttemptRecord } from "../records.ts";
import { comparePositions, type QueuePosition } from "./waiting-queue.ts";
import { standingOf } from "./standing.ts";

const SECOND_MS = 1000;

const Action = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constant("submit" as const),
      cpus: fc.constantFrom(0.5, 1, 2, 3, 4),
      gpus: fc.constantFrom(0, 0, 0.5, 1, 2),
      size: fc.integer({ min: 1, max: 3 }),
      priority: fc.constantFrom(0, 0, 0, 1),
      timeoutSeconds: fc.constantFrom(null, 5, 60, 600, 7200),
      /** Of its timeout; without one, of ten minutes. */
      runs: fc.double({ min: 0.01, max: 1, noNaN: true }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ type: fc.constant("pass" as const), seconds: fc.integer({ min: 1, max: 900 }) }),
  },
);
type Action = typeof Action extends fc.Arbitrary<infer T> ? T : never;

/** Nodes that never fail, and tasks that end when they say, at their timeout at the latest. */
class Timed {
  readonly scenario = new Scenario();
  readonly #runsByJob = new Map<number, number>();
  readonly #promises = new Map<string, number>();

  constructor(nodes: readonly { cpus: number; gpus: number }[]) {
    for (const [index, size] of nodes.entries()) this.scenario.hello(index + 1, size);
  }

  apply(action: Action): void {
    if (action.type === "pass") return this.#pass(action.seconds * SECOND_MS);
    const { cpus, gpus, size, priority, timeoutSeconds, runs } = action;
    const timeout = timeoutSeconds === null ? {} : { timeout: timeoutSeconds * SECOND_MS };
    const spec = aJob({ resources: { cpus, memory: 1, gpus }, array: { size }, priority, ...timeout });
    this.#observe(() => {
      const jobId = this.scenario.submit(spec);
      this.#runsByJob.set(jobId, Math.ceil(runs * (timeoutSeconds ?? 600) * SECOND_MS));
    });
  }

  #pass(durationMs: number): void {
    const { scenario } = this;
    const untilMs = scenario.now.wallMs + durationMs;
    for (;;) {
      const next = [...scenario.fleet.attempts.values()].sort((a, b) => this.#endMs(a) - this.#endMs(b))[0];
      if (!next || this.#endMs(next) > untilMs) break;
      scenario.pass(Math.max(0, this.#endMs(next) - scenario.now.wallMs));
      this.#observe(() => scenario.end(next));
    }
    scenario.pass(Math.max(0, untilMs - scenario.now.wallMs));
  }

  #endMs({ jobId, assignedAtMs }: AttemptRecord): number {
    return assignedAtMs + (this.#runsByJob.get(jobId) ?? 0);
  }

  /** What is promised a task stays promised, unless something that comes before it has been submitted or has started. */
  #observe(turn: () => void): void {
    const { fleet } = this.scenario;
    const nextJobId = fleet.peekJobId();
    const before = new Set([...fleet.attempts.values()].map(({ id }) => id));
    turn();
    expect(brokenInvariants(fleet)).toEqual([]);
    const started = [...fleet.attempts.values()]
      .filter(({ id }) => !before.has(id))
      .map((attempt) => this.#positionOf(attempt));
    const submitted = [...fleet.jobs.values()]
      .filter(({ id }) => id >= nextJobId)
      .map(({ id }) => this.#positionOf({ jobId: id, taskIndex: 0 }));
    for (const attempt of fleet.attempts.values()) {
      const promisedMs = this.#promises.get(taskKey(attempt.jobId, attempt.taskIndex));
      if (promisedMs !== undefined) expect(attempt.assignedAtMs).toBeLessThanOrEqual(promisedMs);
      this.#promises.delete(taskKey(attempt.jobId, attempt.taskIndex));
    }
    for (const [key, promisedMs] of this.#promises) {
      const task = fleet.tasks.get(key as never);
      if (!task) continue;
      const position = this.#positionOf({ jobId: task.jobId, taskIndex: task.index });
      if ([...started, ...submitted].some((other) => comparePositions(other, position) < 0)) this.#promises.delete(key);
      else expect(this.scenario.now.wallMs, `task ${key} waits longer than promised`).toBeLessThanOrEqual(promisedMs);
    }
    for (const { position, startMs } of fleet.reservations.all()) {
      const key = taskKey(position.jobId, position.taskIndex);
      if (startMs !== null) this.#promises.set(key, Math.min(startMs, this.#promises.get(key) ?? Infinity));
    }
  }

  #positionOf({ jobId, taskIndex }: { jobId: QueuePosition["jobId"]; taskIndex: number }): QueuePosition {
    const job = this.scenario.fleet.jobs.get(jobId)!;
    const { priority, rank } = standingOf(job, this.scenario.fleet.policy);
    return { priority, rank, jobId, taskIndex };
  }
}

const Nodes = fc.array(fc.record({ cpus: fc.constantFrom(2, 4), gpus: fc.constantFrom(0, 1, 2) }), {
  minLength: 1,
  maxLength: 3,
});
const Actions = fc.array(Action, { minLength: 5, maxLength: 40, size: "max" });

test("what passes a task that a node is kept for does not make it start later than was promised", () => {
  fc.assert(
    fc.property(Nodes, Actions, (nodes, actions) => {
      const timed = new Timed(nodes);
      for (const action of actions) timed.apply(action);
    }),
    { numRuns: 200 },
  );
}, 20_000);

test("in the end everything has run that some node is large enough for, however much small work keeps coming", () => {
  fc.assert(
    fc.property(Nodes, fc.constantFrom(null, 60), (nodes, timeoutSeconds) => {
      const timed = new Timed(nodes);
      const most = Math.max(...nodes.map(({ cpus }) => cpus));
      const small = { type: "submit", cpus: 1, gpus: 0, size: 1, priority: 0, timeoutSeconds, runs: 0.5 } as const;
      for (let i = 0; i < 12; i++) timed.apply(small);
      timed.apply({ ...small, cpus: most as 2, timeoutSeconds: null });
      const large = [...timed.scenario.fleet.jobs.values()].at(-1)!.id;
      for (let i = 0; i < 400 && timed.scenario.task(large)?.state === "queued"; i++) {
        // As much comes as the nodes can do: without anything kept, they would never be empty again.
        for (let j = 0; j < 4; j++) timed.apply(small);
        timed.apply({ type: "pass", seconds: 60 });
      }
      expect(timed.scenario.task(large)?.state).not.toBe("queued");
    }),
    { numRuns: 10 },
  );
}, 20_000);
