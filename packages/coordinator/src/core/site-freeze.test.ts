import { describe, expect, test } from "vitest";
import { aReport, nodeIdOf, Scenario, SETTINGS } from "../testing/scenario.ts";
import { extendLeases, lostAfterMs, suspectAfterMs } from "./liveness.ts";
import { fleetFreeze, siteFreeze } from "./site-freeze.ts";

const LOST_MS = lostAfterMs(SETTINGS);
const SUSPECT_MS = suspectAfterMs(SETTINGS);

/** Nodes numbered from 1 on, one for each name of a site, each running one attempt. */
function fleetOf(...sites: (string | null)[]) {
  const scenario = new Scenario();
  sites.forEach((site, index) => {
    scenario.hello(index + 1, { site, cpus: 1 });
    const attempt = scenario.attempt(scenario.submit());
    scenario.report(index + 1, [aReport(attempt.id)]);
  });
  const numbers = sites.map((_, index) => index + 1);
  /** Time passes in steps of a heartbeat; these nodes go on beating. */
  const live = (durationMs: number, present: readonly number[]) => {
    for (let passedMs = 0; passedMs < durationMs; passedMs += SETTINGS.heartbeatIntervalMs) {
      scenario.pass(Math.min(SETTINGS.heartbeatIntervalMs, durationMs - passedMs));
      for (const number of present) scenario.beat(number);
      scenario.turn({ type: "tick" });
    }
  };
  const fail = (...gone: readonly number[]) => gone.forEach((number) => scenario.cut(number));
  const linkOf = (number: number) => scenario.fleet.nodes.get(nodeIdOf(number))?.link;
  return { scenario, numbers, live, fail, linkOf };
}

describe("a site whose nodes fall silent together", () => {
  test("is frozen: nothing of it is given away for as long as it lasts, and one line says what and why", () => {
    const { scenario, live, fail, linkOf } = fleetOf("berlin", "berlin", "berlin", "paris", "paris", "paris", "paris");
    fail(1, 2, 3);
    const firstHeardMs = scenario.now.wallMs;
    live(600_000, [4, 5, 6, 7]);
    expect([1, 2, 3].map(linkOf)).toEqual(["disconnected", "disconnected", "disconnected"]);
    expect(scenario.eventsNamed("node.lost")).toEqual([]);
    expect(scenario.eventsNamed("attempt.assigned")).toHaveLength(7);
    expect(scenario.eventsNamed("site.frozen")).toEqual([
      {
        event: "site.frozen",
        scope: "site",
        site: "berlin",
        why: expect.stringContaining("3 of 3 nodes are silent"),
        away: 3,
        present: 0,
        since: new Date(firstHeardMs).toISOString(),
      },
    ]);
    expect(siteFreeze(scenario.fleet, "berlin")).toMatchObject({ awayCount: 3, presentCount: 0 });
    expect(siteFreeze(scenario.fleet, "paris")).toBeNull();
    expect(scenario.eventsNamed("site.thawed")).toEqual([]);
  });

  test("goes on where it was when they are back", () => {
    const { scenario, live, fail } = fleetOf("berlin", "berlin", "berlin");
    const before = [...scenario.fleet.attempts.values()];
    fail(1, 2, 3);
    live(600_000, []);
    for (const number of [1, 2, 3]) {
      scenario.hello(number, { site: "berlin", cpus: 1, attempts: [aReport(before[number - 1]!.id)] }, number + 10);
    }
    live(SETTINGS.heartbeatIntervalMs, [1, 2, 3]);
    expect([...scenario.fleet.attempts.values()]).toEqual(before);
    expect(scenario.eventsNamed("site.thawed")).toMatchObject([{ site: "berlin", away: 0, present: 3 }]);
  });

  test("gives those that are still away when it thaws a whole lease from then on", () => {
    const { scenario, live, fail, linkOf } = fleetOf("berlin", "berlin", "berlin");
    fail(1, 2, 3);
    live(10 * LOST_MS, []);
    scenario.hello(1, { site: "berlin", cpus: 1 }, 11);
    scenario.hello(2, { site: "berlin", cpus: 1 }, 12);
    scenario.turn({ type: "tick" });
    expect(scenario.eventsNamed("site.thawed")).toMatchObject([{ away: 1, present: 2, frozenMs: expect.any(Number) }]);
    live(LOST_MS - 1000, [1, 2]);
    expect(linkOf(3)).toBe("disconnected");
    live(2000, [1, 2]);
    expect(linkOf(3)).toBe("lost");
    expect(scenario.eventsNamed("node.lost")).toMatchObject([{ nodeId: nodeIdOf(3) }]);
  });

  test.each([
    ["half of it", [1, 2], [3, 4], true],
    ["less than half of it", [1, 2], [3, 4, 5], false],
    ["a single one of two", [1], [2], false],
  ])("counts from two nodes and %s on: %j away, %j present, frozen: %j", (_what, away, present, frozen) => {
    const { scenario, live, fail } = fleetOf(...[...away, ...present].map(() => "berlin"));
    fail(...away);
    live(LOST_MS + 2 * SETTINGS.heartbeatIntervalMs, present);
    expect(scenario.eventsNamed("site.frozen")).toHaveLength(frozen ? 1 : 0);
    expect(scenario.eventsNamed("node.lost")).toHaveLength(frozen ? 0 : away.length);
  });

  test("is known by its nodes that name no site, too", () => {
    const { scenario, live, fail } = fleetOf(null, null, "paris", "paris", "paris");
    fail(1, 2);
    live(LOST_MS + 10_000, [3, 4, 5]);
    expect(scenario.eventsNamed("site.frozen")).toMatchObject([{ scope: "site", site: null, away: 2 }]);
    expect(scenario.eventsNamed("node.lost")).toEqual([]);
  });

  test("counts a node that was lost before neither as away nor as present", () => {
    const { scenario, live, fail } = fleetOf("berlin", "berlin", "berlin", "berlin");
    fail(1);
    live(LOST_MS + 10_000, [2, 3, 4]);
    expect(scenario.eventsNamed("node.lost")).toHaveLength(1);
    fail(2);
    live(LOST_MS + 10_000, [3, 4]);
    expect(scenario.eventsNamed("site.frozen")).toEqual([]);
    expect(scenario.eventsNamed("node.lost")).toHaveLength(2);
  });

  test("is frozen again, and told again, when it happens again", () => {
    const { scenario, live, fail } = fleetOf("berlin", "berlin");
    for (const times of [1, 2]) {
      fail(1, 2);
      live(2 * SUSPECT_MS, []);
      expect(scenario.eventsNamed("site.frozen")).toHaveLength(times);
      scenario.hello(1, { site: "berlin", cpus: 1 }, 10 * times + 1);
      scenario.hello(2, { site: "berlin", cpus: 1 }, 10 * times + 2);
      live(SETTINGS.heartbeatIntervalMs, [1, 2]);
      expect(scenario.eventsNamed("site.thawed")).toHaveLength(times);
    }
  });

  test("that is in a turn whose commit fails is frozen, and told, by the next", () => {
    const { scenario, live, fail } = fleetOf("berlin", "berlin");
    fail(1, 2);
    live(SUSPECT_MS, []);
    scenario.pass(1000);
    scenario.failingTurn({ type: "tick" });
    expect(siteFreeze(scenario.fleet, "berlin")).toBeNull();
    scenario.turn({ type: "tick" });
    expect(scenario.eventsNamed("site.frozen")).toHaveLength(1);
  });
});

describe("the fleet as a whole", () => {
  test("is frozen when sites that each lose too few lose half of it together", () => {
    const { scenario, live, fail } = fleetOf("a", "a", "b", "b");
    fail(1, 3);
    live(2 * LOST_MS, [2, 4]);
    expect(scenario.eventsNamed("site.frozen")).toMatchObject([{ scope: "fleet", site: null, away: 2, present: 2 }]);
    expect(fleetFreeze(scenario.fleet)).not.toBeNull();
    expect(scenario.eventsNamed("node.lost")).toEqual([]);
    scenario.hello(1, { site: "a", cpus: 1 }, 11);
    live(LOST_MS + 10_000, [1, 2, 4]);
    expect(scenario.eventsNamed("site.thawed")).toMatchObject([{ scope: "fleet", away: 1, present: 3 }]);
    expect(scenario.eventsNamed("node.lost")).toMatchObject([{ nodeId: nodeIdOf(3) }]);
  });

  test("of one site is frozen as that site alone: one line", () => {
    const { scenario, live, fail } = fleetOf("berlin", "berlin", "berlin");
    fail(1, 2, 3);
    live(2 * LOST_MS, []);
    expect(scenario.eventsNamed("site.frozen")).toMatchObject([{ scope: "site" }]);
  });
});

describe("the coordinator's own absence freezes nothing", () => {
  test("after a restart, when agents come back as they do", () => {
    const { scenario, numbers, live } = fleetOf("berlin", "berlin", "berlin", "berlin");
    scenario.pass(600_000);
    scenario.turn({ type: "restarted" });
    for (const number of numbers) {
      live(SUSPECT_MS / numbers.length, numbers.slice(0, number - 1));
      scenario.hello(number, { site: "berlin", cpus: 1 }, 10 + number);
    }
    live(2 * LOST_MS, numbers);
    expect(scenario.eventsNamed("site.frozen")).toEqual([]);
  });

  test("after a stall that was longer than a lease", () => {
    const { scenario, numbers, live } = fleetOf("berlin", "berlin", "berlin", "berlin");
    scenario.pass(600_000);
    extendLeases(scenario.fleet, 600_000, scenario.now);
    scenario.turn({ type: "tick" });
    live(LOST_MS, numbers);
    expect(scenario.eventsNamed("site.frozen")).toEqual([]);
    expect(scenario.eventsNamed("node.lost")).toEqual([]);
  });

  test("after a restart while half of them are away: those are found again, and nothing is given away", () => {
    const { scenario, live, fail } = fleetOf("berlin", "berlin", "berlin", "berlin");
    fail(3, 4);
    scenario.turn({ type: "restarted" });
    scenario.hello(1, { site: "berlin", cpus: 1 }, 11);
    scenario.hello(2, { site: "berlin", cpus: 1 }, 12);
    live(3 * LOST_MS, [1, 2]);
    expect(scenario.eventsNamed("site.frozen")).toMatchObject([{ away: 2, present: 2 }]);
    expect(scenario.eventsNamed("node.lost")).toEqual([]);
  });
});
