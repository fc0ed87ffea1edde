import fc from "fast-check";
import { expect, test } from "vitest";
import type { AttemptOutcome } from "@drover/shared/domain/attempt.ts";
import {
  DependencyCondition,
  judgeDependency,
  type DependencyStanding,
  type JobDependency,
} from "@drover/shared/domain/dependency.ts";
import type { JobId, NodeId } from "@drover/shared/domain/ids.ts";
import type { JobState } from "@drover/shared/domain/job.ts";
import type { FleetEvent } from "@drover/shared/events.ts";
import { brokenInvariants } from "../testing/fleet-invariants.ts";
import { aHello, aJob, aReport, nodeIdOf, Scenario, SETTINGS } from "../testing/scenario.ts";
import type { Command, Happening } from "./input.ts";
import { lostAfterMs } from "./liveness.ts";
import type { JobRecord } from "./records.ts";
import { isFrozen } from "./site-freeze.ts";

const SITES = [null, "a", "b"];
/** The node whose agent is a version behind. */
const VERSION_1_NODE = 3;
const LOST_MS = lostAfterMs(SETTINGS);

const SomeNode = fc.integer({ min: 1, max: 3 });

/** What can happen to a fleet, in terms of choices: which node or attempt is meant depends on what there is. */
const JobAction = fc.oneof(
  fc.record({
    type: fc.constant("submit" as const),
    cpus: fc.integer({ min: 0, max: 6 }),
    gpus: fc.constantFrom(0, 0.05, 0.25, 0.5, 0.7, 1, 2),
    size: fc.integer({ min: 1, max: 4 }),
    retries: fc.integer({ min: 0, max: 2 }),
    wait: fc.boolean(),
    after: fc.array(fc.record({ pick: fc.nat(), when: fc.constantFrom(...Object.values(DependencyCondition)) }), {
      maxLength: 3,
    }),
  }),
  fc.record({ type: fc.constant("cancel" as const), pick: fc.nat() }),
);
const AgentAction = fc.oneof(
  fc.record({
    type: fc.constant("hello" as const),
    node: SomeNode,
    forgets: fc.boolean(),
    reboots: fc.boolean(),
    site: fc.constantFrom(...SITES),
    machine: fc.oneof(
      { weight: 8, arbitrary: fc.constant("same" as const) },
      { weight: 1, arbitrary: fc.constant("unsaid" as const) },
      { weight: 1, arbitrary: fc.constant("clone" as const) },
    ),
  }),
  fc.record({
    type: fc.constant("ails" as const),
    node: SomeNode,
    /** Of the node's two GPUs; the node itself with both. */
    unhealthyGpus: fc.subarray([0, 1]),
    isUnhealthy: fc.boolean(),
  }),
  fc.record({ type: fc.constant("beat" as const), node: SomeNode, attemptCount: fc.constantFrom(0, 0, 1) }),
  fc.record({ type: fc.constant("cut" as const), node: SomeNode }),
  fc.record({
    type: fc.constant("report" as const),
    pick: fc.nat(),
    end: fc.constantFrom<AttemptOutcome | null>(
      null,
      { type: "exited", code: 0 },
      { type: "exited", code: 1 },
      { type: "canceled" },
      { type: "preempted" },
      { type: "nodeLost", code: "supervisorLost" },
    ),
  }),
);
const OperatorAction = fc.oneof(
  fc.record({
    type: fc.constant("admin" as const),
    node: SomeNode,
    admin: fc.constantFrom("schedulable" as const, "cordoned" as const, "draining" as const, "draining" as const),
    deadlineAfterMs: fc.constantFrom(null, 0, 60_000),
  }),
  fc.record({ type: fc.constant("nodeGone" as const), node: SomeNode }),
  fc.record({ type: fc.constant("siteGone" as const), site: fc.constantFrom(...SITES) }),
);
const Action = fc.oneof(
  { weight: 2, arbitrary: JobAction },
  { weight: 8, arbitrary: AgentAction },
  { weight: 2, arbitrary: OperatorAction },
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant("tick" as const),
      seconds: fc.constantFrom(1, 1, 20, Math.ceil(LOST_MS / 1000) + 1),
    }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("restarted" as const) }) },
);
const Turn = fc.array(Action, { minLength: 1, maxLength: 3 });
type Action = typeof Action extends fc.Arbitrary<infer A> ? A : never;

class Run {
  readonly scenario = new Scenario();
  readonly boots = [0, 1, 1, 1];
  readonly endedTasks = new Set<string>();
  readonly #heardAtMs = new Map<string, number>();
  /** Nodes whose agent said that it holds nothing, after the last of their attempts ended. */
  readonly #saidEmpty = new Set<string>();
  /** What the store knows: how each job has ended, in committed turns. */
  readonly endedJobs = new Map<JobId, JobState>();
  readonly submitted = new Map<JobId, readonly JobDependency[]>();
  #sessionId = 0;

  /** One turn. What is meant by each action follows from how the fleet was before it. */
  apply(actions: readonly Action[], commitFails: boolean): void {
    const inputs = actions.flatMap((action) => this.#inputsOrBeat(action));
    if (inputs.length === 0) return;
    const before = this.scenario.events.length;
    // One that is lost and was declared gone may be replaced by another machine.
    const machines = [...this.scenario.fleet.nodes.values()].filter(
      ({ link, goneSinceMs }) => link !== "lost" || goneSinceMs === null,
    );
    const machineIds = new Map(machines.map(({ id, machineId }) => [id, machineId]));
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
      this.#note(input, inputs.length, machineIds);
    }
    const events = this.scenario.events.slice(before);
    for (const event of events) {
      if (event.event === "job.ended") this.endedJobs.set(event.jobId as JobId, event.state);
      if (event.event === "attempt.ended") this.#saidEmpty.delete(event.nodeId);
      if (event.event === "task.ended") this.#expectFirstEnd(event);
      // Of several inputs in one turn nobody can say from outside which made which event.
      if (inputs.length === 1) this.#expectToBeTrue(event);
    }
    this.#expectConditionsKept(events);
  }

  #inputsOrBeat(action: Action): (Command | Happening)[] {
    if (action.type !== "beat") return this.#inputsFor(action);
    // A heartbeat is no input of a turn: what it renews stays renewed.
    this.#beat(action.node, action.attemptCount);
    return [];
  }

  #beat(number: number, attemptCount: number): void {
    const nodeId = nodeIdOf(number);
    const counts = number === VERSION_1_NODE ? null : attemptCount;
    if (!this.scenario.beat(number, { attemptCount: counts })) return;
    this.#heardAtMs.set(nodeId, this.scenario.now.monotonicMs);
    if (attemptCount === 0) this.#saidEmpty.add(nodeId);
    else this.#saidEmpty.delete(nodeId);
  }

  /** What this test goes by beside the fleet: who was heard when. */
  #note(input: Command | Happening, inputCount: number, machineIds: ReadonlyMap<NodeId, string | null>): void {
    const { effects, now } = this.scenario;
    if (input.type === "restarted") {
      for (const nodeId of this.#heardAtMs.keys()) this.#heardAtMs.set(nodeId, now.monotonicMs);
      this.#saidEmpty.clear();
    } else if (input.type === "agentHello") {
      const { nodeId, machineId } = input.hello;
      const known = machineIds.get(nodeId) ?? null;
      const isRefused = effects.refusals.some(({ sessionId }) => sessionId === input.sessionId);
      const isClone = known !== null && machineId !== null && known !== machineId;
      // Another input of the same turn may have made its node lost, and free to be replaced.
      if (isClone && inputCount === 1) expect(isRefused, "a clone").toBe(true);
      if (!isRefused) {
        this.#heardAtMs.set(nodeId, Math.max(this.#heardAtMs.get(nodeId) ?? 0, input.heardAt.monotonicMs));
        this.#saidEmpty.delete(nodeId);
      } else if (inputCount === 1) {
        expect(effects.events, "a refused hello changes nothing").toEqual([]);
      }
    }
  }

  #expectFirstEnd({ jobId, taskIndex }: { jobId: number; taskIndex: number }): void {
    const key = `${jobId}.${taskIndex}`;
    expect(this.endedTasks, `${key} ends once`).not.toContain(key);
    this.endedTasks.add(key);
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

  /** What each event says must be so, by what this test saw happen before. */
  #expectToBeTrue(event: FleetEvent): void {
    const { fleet, now } = this.scenario;
    const node = "nodeId" in event ? fleet.nodes.get(event.nodeId as NodeId) : undefined;
    if (event.event === "attempt.assigned") {
      expect(node, "new work only where it is wanted").toMatchObject({ link: "online", admin: "schedulable" });
    } else if (event.event === "attempt.ended") {
      if (event.outcome.includes("declaredGone")) expect(node?.goneSinceMs).not.toBeNull();
    } else if (event.event === "node.lost") {
      const silentMs = now.monotonicMs - (this.#heardAtMs.get(event.nodeId) ?? now.monotonicMs);
      expect(silentMs, "lost only when its lease and the time to kill have passed").toBeGreaterThan(LOST_MS);
      expect(node && isFrozen(fleet, node), "lost only where nothing is frozen, or by an operator's word").toBe(false);
    } else if (event.event === "node.drained" && event.nodeId !== nodeIdOf(VERSION_1_NODE)) {
      expect(this.#saidEmpty, "drained only by its agent's word").toContain(event.nodeId);
    }
  }

  #ailing({ node, unhealthyGpus, isUnhealthy }: Extract<Action, { type: "ails" }>): Happening[] {
    const nodeId = nodeIdOf(node);
    const sessionId = this.scenario.fleet.sessionIdOf(nodeId);
    const { hardware, capacity } = aHello(node, { gpus: 2, cpus: 4 });
    const reason = { code: "gpuLost", state: "unhealthy" as const, evidence: "", sinceMs: 1 };
    const gpus = unhealthyGpus.map((index) => ({
      gpuId: `GPU-${node}-${index}`,
      state: "unhealthy" as const,
      reasons: [reason],
    }));
    const health = isUnhealthy
      ? { state: "unhealthy" as const, reasons: [{ ...reason, code: "diskFull" }], gpus }
      : { state: "healthy" as const, reasons: [], gpus };
    return sessionId ? [{ type: "nodeChanges", sessionId, nodeId, changes: { hardware, capacity, health } }] : [];
  }

  #inputsFor(action: Exclude<Action, { type: "beat" }>): (Command | Happening)[] {
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
        return [
          {
            type: "submitJob",
            spec,
            actor: "anna",
            idempotency: null,
            storedUnderKey: null,
            storedEnds: this.endedJobs,
          },
        ];
      }
      case "hello": {
        const { node, forgets, reboots, site, machine } = action;
        if (reboots) this.boots[node] = (this.boots[node] ?? 0) + 1;
        const held = forgets || reboots ? [] : attempts.filter((attempt) => attempt.nodeId === nodeIdOf(node));
        const hello = aHello(node, {
          gpus: 2,
          cpus: 4,
          bootId: machine === "clone" ? "boot-of-the-clone" : `boot-${this.boots[node]}`,
          machineId: machine === "same" ? `machine-${node}` : machine === "clone" ? "clone" : null,
          site,
          protocolVersion: node === VERSION_1_NODE ? 1 : 2,
          attempts: held.map(({ id }) => aReport(id)),
        });
        return [{ type: "agentHello", sessionId: ++this.#sessionId, hello, heardAt: this.scenario.now }];
      }
      case "ails":
        return this.#ailing(action);
      case "cut": {
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
      case "admin": {
        const { node, admin, deadlineAfterMs } = action;
        const nodeId = nodeIdOf(node);
        const word = { type: "setNodeAdmin", nodeId, admin, reason: null, actor: "test" } as const;
        return [{ ...word, deadlineAfterMs: admin === "draining" ? deadlineAfterMs : null }];
      }
      case "nodeGone":
        return [{ type: "declareNodeGone", nodeId: nodeIdOf(action.node), actor: "test" }];
      case "siteGone":
        return [{ type: "declareSiteGone", site: action.site, actor: "test" }];
      case "restarted":
        return [{ type: "restarted" }];
    }
  }
}

test("whatever happens, in whatever order, with commits failing in between, no invariant breaks", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(Turn, fc.boolean()), { minLength: 10, maxLength: 80, size: "max" }), (turns) => {
      const run = new Run();
      for (const [actions, commitFails] of turns) run.apply(actions, commitFails);
    }),
    { numRuns: 250 },
  );
}, 20_000);

test("the invariants can fail: a fleet that holds a device twice is found out", () => {
  const { scenario } = new Run();
  scenario.hello(1, { gpus: 1 });
  const jobId = scenario.submit(aJob({ resources: { gpus: 1 } }));
  const attempt = scenario.attempt(jobId);
  const twin = { ...attempt, id: "1.0.2-test00" as never, number: 2 };
  scenario.fleet.attempts.put(twin.id, twin);
  expect(brokenInvariants(scenario.fleet).join("\n")).toMatch(
    /two live attempts[\s\S]*2000 thousandths of a GPU are promised/,
  );
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
    "everyWaitingTaskHasOneReason: 0 tasks wait for a reason, 1 are queued",
  ]);
});

test("the invariants can fail: nodes that are not what they are called are found out", () => {
  const { scenario } = new Run();
  scenario.hello(1);
  scenario.submit();
  const node = scenario.fleet.nodes.get(nodeIdOf(1))!;
  scenario.fleet.nodes.put(node.id, { ...node, admin: "drained", goneSinceMs: 1 });
  const count = { awayCount: 1, presentCount: 0, sinceMs: 1, sinceMonotonicMs: 1, isOver: false };
  scenario.fleet.freezes.put("site a", { scope: "site", site: "a", ...count });
  expect(brokenInvariants(scenario.fleet).map((broken) => broken.split(":")[0])).toEqual([
    "drainedNodesHoldNothing",
    "goneNodesAreAway",
    "freezesAreOfMassSilence",
  ]);
});
