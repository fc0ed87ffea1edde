import { describe, expect, test } from "vitest";
import { aJob, aReport, nodeIdOf, Scenario, SETTINGS } from "../testing/scenario.ts";
import { lostAfterMs, suspectAfterMs } from "./liveness.ts";

const LOST_MS = lostAfterMs(SETTINGS);
const BERLIN = { type: "declareSiteGone", site: "berlin", actor: "ops" } as const;

function gone(number: number) {
  return { type: "declareNodeGone", nodeId: nodeIdOf(number), actor: "ops" } as const;
}

/** Two nodes of one site, each running one attempt with this policy, and both out of reach. */
function silentSite(onDisconnect: "restart" | "wait" = "restart") {
  const scenario = new Scenario();
  const attempts = [1, 2].map((number) => {
    scenario.hello(number, { site: "berlin", cpus: 1 });
    const attempt = scenario.attempt(scenario.submit(aJob({ onDisconnect })));
    scenario.report(number, [aReport(attempt.id)]);
    return attempt;
  });
  scenario.cut(1);
  scenario.cut(2);
  const wait = (durationMs: number) => {
    scenario.pass(durationMs);
    scenario.turn({ type: "tick" });
  };
  const nodeOf = (number: number) => scenario.fleet.nodes.get(nodeIdOf(number));
  const endedAttempts = () => scenario.eventsNamed("attempt.ended").map((event) => [event.attemptId, event.outcome]);
  return { scenario, attempts, wait, nodeOf, endedAttempts };
}

const DECLARED_GONE = "node lost (declaredGone)";

describe("a node that is declared gone", () => {
  test("is lost at once where its lease ran out while the site was frozen, and only that one", () => {
    const { scenario, attempts, wait, nodeOf, endedAttempts } = silentSite();
    wait(10 * LOST_MS);
    expect(scenario.eventsNamed("site.frozen")).toHaveLength(1);
    expect(scenario.turn(gone(1))).toEqual([{ ok: true }]);
    expect([nodeOf(1)?.link, nodeOf(2)?.link]).toEqual(["lost", "disconnected"]);
    expect(endedAttempts()).toEqual([[attempts[0]?.id, DECLARED_GONE]]);
    expect(scenario.eventsNamed("node.declaredGone")).toEqual([
      { event: "node.declaredGone", nodeId: nodeIdOf(1), nodeName: "node1", actor: "ops" },
    ]);
  });

  test("keeps what it runs until its lease and the time to kill have passed", () => {
    const { scenario, attempts, wait, nodeOf, endedAttempts } = silentSite();
    scenario.turn(gone(1));
    wait(LOST_MS);
    expect(nodeOf(1)?.link).toBe("disconnected");
    expect(endedAttempts()).toEqual([]);
    wait(1);
    expect(nodeOf(1)?.link).toBe("lost");
    expect(endedAttempts()).toContainEqual([attempts[0]?.id, DECLARED_GONE]);
  });

  test("gets none of the time that a thaw gives to those that may come back", () => {
    const { scenario, wait, nodeOf } = silentSite();
    wait(10 * LOST_MS);
    // The other one is back, so the site thaws.
    scenario.hello(2, { site: "berlin", cpus: 1 }, 12);
    wait(1000);
    expect(scenario.eventsNamed("site.thawed")).toHaveLength(1);
    expect(nodeOf(1)?.link).toBe("disconnected");
    scenario.turn(gone(1));
    expect(nodeOf(1)?.link).toBe("lost");
  });

  test("takes what waited for it along, where it was lost before too", () => {
    const { scenario, attempts, wait, nodeOf, endedAttempts } = silentSite("wait");
    scenario.hello(2, { site: "berlin", cpus: 1, attempts: [aReport(attempts[1]!.id)] }, 12);
    scenario.pass(10 * LOST_MS);
    scenario.beat(2);
    wait(0);
    expect(nodeOf(1)?.link).toBe("lost");
    expect(endedAttempts()).toEqual([]);
    scenario.turn(gone(1));
    expect(endedAttempts()).toEqual([[attempts[0]?.id, DECLARED_GONE]]);
    expect(scenario.eventsNamed("task.requeued")).toMatchObject([{ cause: "nodeLost", blame: "node" }]);
  });

  test("is as any other again once it says hello, before it is lost and after", () => {
    const { scenario, attempts, wait, nodeOf } = silentSite("wait");
    scenario.turn(gone(1));
    scenario.hello(1, { site: "berlin", cpus: 1, attempts: [aReport(attempts[0]!.id)] }, 11);
    expect(scenario.told(1, 11)).toEqual([{ desired: "keep", attemptId: attempts[0]?.id }]);
    expect(nodeOf(1)).toMatchObject({ link: "online", goneSinceMs: null });

    wait(10 * LOST_MS);
    scenario.turn(gone(2));
    expect(nodeOf(2)).toMatchObject({ link: "lost", goneSinceMs: scenario.now.wallMs });
    scenario.hello(2, { site: "berlin", cpus: 1, attempts: [aReport(attempts[1]!.id)] }, 12);
    expect(nodeOf(2)).toMatchObject({ link: "online", goneSinceMs: null });
    // What was given up is not listed, so the agent stops and drops it.
    expect(scenario.told(2, 12).map(({ attemptId }) => attemptId)).not.toContain(attempts[1]?.id);
  });

  test("is as any other again once a heartbeat comes over the connection that seemed dead", () => {
    const scenario = new Scenario();
    scenario.hello(1);
    scenario.pass(suspectAfterMs(SETTINGS) + 1);
    scenario.turn({ type: "tick" });
    expect(scenario.turn(gone(1))).toEqual([{ ok: true }]);
    scenario.beat(1);
    scenario.turn({ type: "tick" });
    expect(scenario.fleet.nodes.get(nodeIdOf(1))).toMatchObject({ link: "online", goneSinceMs: null });
  });

  test("twice is told once", () => {
    const { scenario } = silentSite();
    scenario.turn(gone(1), gone(1));
    scenario.turn(gone(1));
    expect(scenario.eventsNamed("node.declaredGone")).toHaveLength(1);
  });

  test("is refused while it is online", () => {
    const scenario = new Scenario();
    scenario.hello(1);
    expect(scenario.turn(gone(1))).toMatchObject([{ ok: false, code: "node.stillOnline" }]);
    expect(scenario.turn(gone(9))).toMatchObject([{ ok: false, code: "node.notFound" }]);
    expect(scenario.fleet.nodes.get(nodeIdOf(1))?.goneSinceMs).toBeNull();
  });
});

describe("a site that is declared gone", () => {
  test("thaws, and all that ran there is given away", () => {
    const { scenario, wait, nodeOf, endedAttempts } = silentSite("wait");
    wait(10 * LOST_MS);
    expect(scenario.turn(BERLIN)).toEqual([{ ok: true }]);
    wait(1000);
    expect([nodeOf(1)?.link, nodeOf(2)?.link]).toEqual(["lost", "lost"]);
    expect(endedAttempts().map(([, outcome]) => outcome)).toEqual([DECLARED_GONE, DECLARED_GONE]);
    expect(scenario.eventsNamed("site.thawed")).toHaveLength(1);
  });

  test("is refused whole while one of its nodes is online, which is named", () => {
    const { scenario, nodeOf } = silentSite();
    scenario.hello(2, { site: "berlin", cpus: 1 }, 12);
    expect(scenario.turn(BERLIN)).toEqual([{ ok: false, code: "site.stillOnline", message: "node2 is online." }]);
    expect(nodeOf(1)?.goneSinceMs).toBeNull();
  });

  test("names a long list of nodes that are online in part", () => {
    const scenario = new Scenario();
    for (let number = 1; number <= 8; number++) scenario.hello(number, { site: "berlin" });
    const [result] = scenario.turn(BERLIN);
    expect(result).toMatchObject({ message: "node1, node2, node3, node4, node5 and 3 more are online." });
  });

  test("is refused where no node is of it", () => {
    const { scenario } = silentSite();
    expect(scenario.turn({ ...BERLIN, site: "paris" }, { ...BERLIN, site: null })).toMatchObject([
      { ok: false, code: "site.notFound" },
      { ok: false, code: "site.notFound" },
    ]);
  });
});
