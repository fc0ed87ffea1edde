import fc from "fast-check";
import { expect, test } from "vitest";
import { nodeIdOf, Scenario, SETTINGS } from "../testing/scenario.ts";
import { extendLeases, lostAfterMs } from "./liveness.ts";
import { isFrozen } from "./site-freeze.ts";

const LOST_MS = lostAfterMs(SETTINGS);
const MAX_NODES = 7;

const Sites = fc.array(fc.constantFrom(null, "a", "b"), { minLength: 2, maxLength: MAX_NODES });
const SomeNode = fc.integer({ min: 1, max: MAX_NODES });
const Action = fc.oneof(
  { weight: 2, arbitrary: fc.record({ type: fc.constant("cut" as const), node: SomeNode }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant("hello" as const), node: SomeNode }) },
  {
    weight: 4,
    arbitrary: fc.record({
      type: fc.constant("pass" as const),
      seconds: fc.constantFrom(1, 5, 16, 30, Math.ceil(LOST_MS / 1000)),
      /** Which of the connected nodes are heard meanwhile, a bit each. */
      heard: fc.integer({ min: 0, max: 2 ** MAX_NODES - 1 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("stall" as const), seconds: fc.constantFrom(3, 600) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("restarted" as const) }) },
);
type Action = typeof Action extends fc.Arbitrary<infer A> ? A : never;

/** A fleet, and beside it what the rule without the guard goes by: when each node was last heard. */
class Run {
  readonly scenario = new Scenario();
  readonly #sites: readonly (string | null)[];
  readonly #heardAtMs = new Map<string, number>();
  #sessionId = 0;

  constructor(sites: readonly (string | null)[]) {
    this.#sites = sites;
    for (const number of this.numbers) this.hello(number);
  }

  get numbers(): number[] {
    return this.#sites.map((_, index) => index + 1);
  }

  hello(number: number): void {
    this.scenario.hello(number, { site: this.#sites[number - 1] ?? null }, ++this.#sessionId);
    this.#heardAtMs.set(nodeIdOf(number), this.scenario.now.monotonicMs);
  }

  beat(number: number): void {
    if (this.scenario.beat(number)) this.#heardAtMs.set(nodeIdOf(number), this.scenario.now.monotonicMs);
  }

  apply(action: Action, commitFails: boolean): void {
    switch (action.type) {
      case "cut":
        return this.scenario.cut(action.node);
      case "hello":
        return action.node <= this.#sites.length ? this.hello(action.node) : undefined;
      case "pass":
        this.scenario.pass(action.seconds * 1000);
        for (const number of this.numbers) if (action.heard & (1 << (number - 1))) this.beat(number);
        return this.tick(commitFails);
      case "stall":
        this.scenario.pass(action.seconds * 1000);
        extendLeases(this.scenario.fleet, action.seconds * 1000, this.scenario.now);
        for (const [id, heardAtMs] of this.#heardAtMs) this.#heardAtMs.set(id, heardAtMs + action.seconds * 1000);
        return this.tick(commitFails);
      case "restarted":
        this.scenario.turn({ type: "restarted" });
        for (const id of this.#heardAtMs.keys()) this.#heardAtMs.set(id, this.scenario.now.monotonicMs);
    }
  }

  tick(commitFails = false): void {
    if (commitFails) this.scenario.failingTurn({ type: "tick" });
    const toldBefore = this.scenario.events.length;
    this.scenario.turn({ type: "tick" });
    for (const event of this.scenario.events.slice(toldBefore)) {
      if (event.event !== "node.lost") continue;
      const silentMs = this.scenario.now.monotonicMs - (this.#heardAtMs.get(event.nodeId) ?? 0);
      expect(silentMs, "not before the rule without the guard").toBeGreaterThan(LOST_MS);
      const node = this.scenario.fleet.nodes.get(event.nodeId as never);
      expect(node && isFrozen(this.scenario.fleet, node), "not while frozen").toBe(false);
    }
    this.#expectOneEventPerChange();
  }

  /** Frozen and thawed alternate, for each site and for the fleet. */
  #expectOneEventPerChange(): void {
    const frozen = new Set<string>();
    for (const event of this.scenario.events) {
      if (event.event !== "site.frozen" && event.event !== "site.thawed") continue;
      const key = `${event.scope} ${event.site}`;
      expect(frozen.has(key), `${event.event} of ${key}`).toBe(event.event === "site.thawed");
      if (event.event === "site.frozen") frozen.add(key);
      else frozen.delete(key);
    }
  }
}

const Actions = fc.array(fc.tuple(Action, fc.boolean()), { maxLength: 60 });

test("whatever happens, the guard never makes a node lost earlier than its silence alone would, nor while it is frozen", () => {
  fc.assert(
    fc.property(Sites, Actions, (sites, actions) => {
      const run = new Run(sites);
      for (const [action, commitFails] of actions) run.apply(action, commitFails);
    }),
    { numRuns: 400 },
  );
});

test("whatever happened before, a single node that dies among three or more of its site is lost in time", () => {
  fc.assert(
    fc.property(Sites, Actions, (others, actions) => {
      const run = new Run([null, null, null, ...others].slice(0, MAX_NODES));
      for (const [action, commitFails] of actions) run.apply(action, commitFails);
      for (const number of run.numbers) run.hello(number);
      run.tick();
      const [victim, ...alive] = run.numbers as [number, ...number[]];
      run.scenario.cut(victim);
      const limitMs = run.scenario.now.monotonicMs + LOST_MS + 1000;
      while (run.scenario.now.monotonicMs < limitMs) {
        run.scenario.pass(1000);
        for (const number of alive) run.beat(number);
        run.tick();
      }
      expect(run.scenario.fleet.nodes.get(nodeIdOf(victim))?.link).toBe("lost");
    }),
    { numRuns: 100 },
  );
});
