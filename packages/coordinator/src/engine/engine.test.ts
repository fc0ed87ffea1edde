import { describe, expect, test, vi } from "vitest";
import { DroverError } from "@drover/shared/errors.ts";
import type { Clock } from "@drover/shared/clock.ts";
import type { JobId } from "@drover/shared/domain/ids.ts";
import { Fleet } from "../core/fleet.ts";
import type { TurnStore } from "../store/store.ts";
import { aHello, aJob, SETTINGS } from "../testing/scenario.ts";
import { Engine, type CommittedTurn } from "./engine.ts";

/** A store in memory whose next commits can be made to fail. */
class FlakyStore implements TurnStore {
  failures: unknown[] = [];
  onCommit = (): void => {};
  readonly commits: string[][] = [];

  async commit(_fleet: Fleet, events: Parameters<TurnStore["commit"]>[1]) {
    this.onCommit();
    const failure = this.failures.shift();
    if (failure !== undefined) throw failure;
    this.commits.push(events.map((event) => event.event));
    return { events: events.map((event, index) => ({ id: index + 1, event })) };
  }

  async probe() {
    const failure = this.failures.shift();
    if (failure !== undefined) throw failure;
  }
}

class ManualClock implements Clock {
  #nowMs = 0;
  #timers: { atMs: number; fn: () => void }[] = [];

  nowMs = () => this.#nowMs;
  monotonicMs = () => this.#nowMs;

  callAfter(delayMs: number, fn: () => void) {
    const timer = { atMs: this.#nowMs + delayMs, fn };
    this.#timers.push(timer);
    return () => void (this.#timers = this.#timers.filter((other) => other !== timer));
  }

  callSoon = (fn: () => void) => void setImmediate(fn);

  /** Jumps there: what was due on the way is called late, as after a stopped process. */
  advance(durationMs: number): void {
    this.#nowMs += durationMs;
    const due = this.#timers.filter((timer) => timer.atMs <= this.#nowMs).toSorted((a, b) => a.atMs - b.atMs);
    this.#timers = this.#timers.filter((timer) => timer.atMs > this.#nowMs);
    for (const timer of due) timer.fn();
  }
}

/** The one job that only the store knows. */
const FINISHED_LONG_AGO = 77 as JobId;

async function anEngine({ fleet = new Fleet(SETTINGS, 1), firstCommitMs = 0 } = {}) {
  const store = new FlakyStore();
  const clock = new ManualClock();
  store.onCommit = () => clock.advance(firstCommitMs);
  const released: CommittedTurn[] = [];
  const options = { onStoreHealth: vi.fn(), onStall: vi.fn(), onDefect: vi.fn() };
  const engine = new Engine({
    fleet,
    store,
    clock,
    jobUnderKey: () => null,
    jobState: (jobId) => (jobId === FINISHED_LONG_AGO ? "succeeded" : null),
    release: (turn) => released.push(turn),
    ...options,
  });
  await engine.start();
  store.onCommit = () => {};
  return { engine, fleet, store, clock, released, ...options };
}

function helloAt(clock: Clock) {
  const heardAt = { wallMs: clock.nowMs(), monotonicMs: clock.monotonicMs() };
  return { type: "agentHello", sessionId: 1, hello: aHello(1), heardAt } as const;
}

const SUBMIT = { type: "submitJob", spec: aJob(), actor: "anna", idempotency: null } as const;
const DISK_FULL = new DroverError("storage.full", "The disk is full.");

describe("a turn", () => {
  test("commits everything that arrived together once, and answers after the commit", async () => {
    const { engine, store } = await anEngine();
    const answers = await Promise.all([engine.command(SUBMIT), engine.command(SUBMIT), engine.command(SUBMIT)]);
    expect(answers.map((answer) => answer.ok && answer.jobId)).toEqual([1, 2, 3]);
    expect(store.commits).toEqual([["job.submitted", "job.submitted", "job.submitted"]]);
  });

  test("whose commit fails releases nothing and answers its commands with the storage error", async () => {
    const { engine, fleet, store, released, onStoreHealth } = await anEngine();
    store.failures = [DISK_FULL];
    const before = released.length;
    await expect(engine.command(SUBMIT)).rejects.toMatchObject({ code: "storage.full" });
    expect(released.length).toBe(before);
    expect(fleet.jobs.size).toBe(0);
    expect(onStoreHealth).toHaveBeenCalledExactlyOnceWith(DISK_FULL);
    expect(engine.storeProblem).toBe(DISK_FULL);
  });

  test("keeps what agents said while the disk is full, and takes it when there is room again", async () => {
    const { engine, fleet, store, clock, onStoreHealth } = await anEngine();
    store.failures = [DISK_FULL, DISK_FULL];
    engine.happen(helloAt(clock));
    await vi.waitFor(() => expect(engine.storeProblem).toBe(DISK_FULL));
    expect(fleet.nodes.size).toBe(0);
    clock.advance(500);
    await vi.waitFor(() => expect([store.failures, fleet.nodes.size]).toEqual([[], 0]));
    clock.advance(500);
    await vi.waitFor(() => expect(engine.storeProblem).toBeNull());
    expect(fleet.nodes.size).toBe(1);
    expect(onStoreHealth).toHaveBeenLastCalledWith(null);
  });

  test("probes the store by itself when nothing else is to be written", async () => {
    const { engine, store, clock } = await anEngine();
    store.failures = [DISK_FULL];
    await expect(engine.command(SUBMIT)).rejects.toThrow();
    clock.advance(1000);
    await vi.waitFor(() => expect(engine.storeProblem).toBeNull());
  });

  test("with an input that meets a defect rejects that one and takes the others", async () => {
    const { engine, onDefect } = await anEngine();
    const poison = { ...SUBMIT, spec: null as never };
    const answers = await Promise.allSettled([engine.command(SUBMIT), engine.command(poison), engine.command(SUBMIT)]);
    expect(answers.map((answer) => answer.status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
    expect(onDefect).toHaveBeenCalledExactlyOnceWith(expect.any(TypeError), "submitJob");
  });

  test("asks the store about dependencies that are history, and memory about those that are not", async () => {
    const { engine, store } = await anEngine();
    const after = (...jobIds: number[]) => ({ ...SUBMIT, spec: aJob({ after: jobIds }) });
    const answers = await Promise.all(
      [after(FINISHED_LONG_AGO), SUBMIT, after(2), after(99)].map((one) => engine.command(one)),
    );
    expect(answers.map((answer) => (answer.ok ? answer.jobId : answer.code))).toEqual([1, 2, 3, "dependency.notFound"]);
    expect(engine.fleet.dependencies.heldJobIds()).toEqual(new Set([3]));
    expect(store.commits).toHaveLength(1);
  });

  test("after the engine was stopped is refused", async () => {
    const { engine } = await anEngine();
    await engine.stop();
    await expect(engine.command(SUBMIT)).rejects.toMatchObject({ code: "coordinator.stopping" });
  });
});

test("a stall of the process extends every lease by as much and is told", async () => {
  const { engine, fleet, clock, onStall } = await anEngine();
  engine.happen(helloAt(clock));
  await vi.waitFor(() => expect(fleet.nodes.size).toBe(1));
  const [nodeId] = [...fleet.presences.keys()];
  const heardAt = () => fleet.presences.get(nodeId as never)?.heardAtMonotonicMs ?? 0;
  const before = heardAt();
  clock.advance(600_000);
  expect(onStall).toHaveBeenCalledExactlyOnceWith(599_000);
  expect(heardAt() - before).toBe(599_000);
  await vi.waitFor(() => expect([...fleet.nodes.values()][0]?.link).toBe("online"));
});

test("a turn that is the first after a stall extends every lease before it judges one", async () => {
  const { engine, fleet, store, clock, onStall } = await anEngine();
  engine.happen(helloAt(clock));
  await vi.waitFor(() => expect(fleet.nodes.size).toBe(1));
  const [node] = [...fleet.nodes.values()];
  engine.happen({ type: "agentGone", sessionId: 1, nodeId: node!.id, reason: "reset" });
  await vi.waitFor(() => expect(fleet.nodes.get(node!.id)?.link).toBe("disconnected"));
  // Taken back for the disk's sake, and behind it a tick from before the stall; its second try comes before the next
  // tick falls due.
  store.failures.push(new DroverError("storage.full", "full"));
  engine.happen({ type: "agentGone", sessionId: 1, nodeId: node!.id, reason: "reset" });
  await expect(engine.command(SUBMIT)).rejects.toMatchObject({ code: "storage.full" });
  clock.advance(400);
  engine.happen({ type: "tick" });
  clock.advance(600_000);
  await vi.waitFor(() => expect(store.failures).toEqual([]));
  await engine.command(SUBMIT);
  expect(onStall).toHaveBeenCalledOnce();
  expect(fleet.nodes.get(node!.id)?.link).toBe("disconnected");
});

test("a start whose commit takes longer than a lease extends every lease by as much", async () => {
  const { engine, fleet, clock } = await anEngine();
  engine.happen(helloAt(clock));
  await vi.waitFor(() => expect(fleet.nodes.size).toBe(1));
  await engine.stop();
  const { onStall } = await anEngine({ fleet, firstCommitMs: 600_000 });
  expect(onStall).toHaveBeenCalledExactlyOnceWith(599_000);
});

test("a stall counts for a hello too that waits for the disk", async () => {
  const { engine, fleet, store, clock, onStall } = await anEngine();
  store.failures = [DISK_FULL];
  engine.happen(helloAt(clock));
  await vi.waitFor(() => expect(engine.storeProblem).toBe(DISK_FULL));
  clock.advance(600_000);
  await vi.waitFor(() => expect(fleet.nodes.size).toBe(1));
  expect(onStall).toHaveBeenCalledOnce();
  const [presence] = [...fleet.presences.values()];
  expect(clock.monotonicMs() - (presence?.heardAtMonotonicMs ?? 0)).toBeLessThanOrEqual(1_000);
  expect([...fleet.nodes.values()][0]?.link).toBe("online");
});
