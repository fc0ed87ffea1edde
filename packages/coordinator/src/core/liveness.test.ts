import { describe, expect, test } from "vitest";
import { aJob, aReport, nodeIdOf, Scenario, SETTINGS } from "../testing/scenario.ts";
import { extendLeases, lostAfterMs, untilKilledMs } from "./liveness.ts";

function link(scenario: Scenario) {
  return scenario.fleet.nodes.get(nodeIdOf(1))?.link;
}

describe("a silent node", () => {
  test("is suspect when heartbeats are overdue, and online again with the next", () => {
    const scenario = new Scenario();
    scenario.hello(1);
    scenario.pass(3 * SETTINGS.heartbeatIntervalMs + 1);
    scenario.turn({ type: "tick" });
    expect(link(scenario)).toBe("suspect");
    expect(scenario.beat(1)).toBe(true);
    scenario.turn({ type: "tick" });
    expect(link(scenario)).toBe("online");
  });

  test("gets no new work while it is suspect", () => {
    const scenario = new Scenario();
    scenario.hello(1);
    scenario.pass(3 * SETTINGS.heartbeatIntervalMs + 1);
    scenario.turn({ type: "tick" });
    expect(scenario.task(scenario.submit())?.state).toBe("queued");
  });

  test("whose connection stays open in name only has it closed", () => {
    const scenario = new Scenario();
    scenario.hello(1);
    scenario.pass(7 * SETTINGS.heartbeatIntervalMs);
    scenario.turn({ type: "tick" });
    scenario.turn({ type: "tick" });
    expect(scenario.effects.closings).toMatchObject([{ sessionId: 1 }]);
  });

  test("keeps its attempts until its lease and the time to kill have passed", () => {
    const scenario = new Scenario();
    scenario.hello(1);
    scenario.hello(2);
    const jobId = scenario.submit();
    scenario.report(1, [aReport(scenario.attempt(jobId).id)]);
    scenario.cut(1);
    scenario.pass(lostAfterMs(SETTINGS) - 1);
    scenario.beat(2);
    scenario.turn({ type: "tick" });
    expect(scenario.attempt(jobId)).toMatchObject({ number: 1, nodeId: nodeIdOf(1) });
    scenario.pass(2);
    scenario.turn({ type: "tick" });
    expect(link(scenario)).toBe("lost");
    expect(scenario.attempt(jobId)).toMatchObject({ number: 2, nodeId: nodeIdOf(2) });
  });

  test("keeps attempts that wait for their node even when it is lost", () => {
    const scenario = new Scenario();
    scenario.hello(1);
    const jobId = scenario.submit(aJob({ onDisconnect: "wait" }));
    const attempt = scenario.attempt(jobId);
    scenario.report(1, [aReport(attempt.id)]);
    scenario.cut(1);
    scenario.pass(10 * lostAfterMs(SETTINGS));
    scenario.turn({ type: "tick" });
    expect(link(scenario)).toBe("lost");
    expect(scenario.attempt(jobId).id).toBe(attempt.id);
    scenario.hello(1, { attempts: [aReport(attempt.id)] }, 2);
    expect(scenario.told(1, 2)).toEqual([{ desired: "keep", attemptId: attempt.id }]);
  });

  test("that returns after it was lost is made to stop what was given away", () => {
    const scenario = new Scenario();
    scenario.hello(1);
    const jobId = scenario.submit();
    const attempt = scenario.attempt(jobId);
    scenario.cut(1);
    scenario.pass(lostAfterMs(SETTINGS) + 1);
    scenario.turn({ type: "tick" });
    scenario.hello(1, { attempts: [aReport(attempt.id)] }, 2);
    expect(scenario.told(1, 2)).toEqual([]);
  });

  test("and still runs what was given away gets nothing new until that is certainly dead", () => {
    const scenario = new Scenario();
    scenario.hello(1);
    const jobId = scenario.submit();
    const attempt = scenario.attempt(jobId);
    scenario.cut(1);
    scenario.pass(lostAfterMs(SETTINGS) + 1);
    scenario.turn({ type: "tick" });
    scenario.hello(1, { attempts: [aReport(attempt.id)] }, 2);
    expect(scenario.task(jobId)?.state).toBe("queued");
    scenario.pass(untilKilledMs(SETTINGS) - 1);
    scenario.beat(1);
    scenario.turn({ type: "tick" });
    expect(scenario.task(jobId)?.state).toBe("queued");
    scenario.pass(1);
    scenario.turn({ type: "tick" });
    expect(scenario.attempt(jobId)).toMatchObject({ number: 2, nodeId: nodeIdOf(1) });
  });

  test("after a coordinator with a shorter lease began is given the longer one that it still has", () => {
    const scenario = new Scenario({ leaseMs: 300_000 });
    scenario.hello(1);
    const restarted = new Scenario({ leaseMs: 30_000 });
    for (const node of scenario.fleet.nodes.values()) restarted.fleet.nodes.load(node.id, node);
    restarted.turn({ type: "restarted" });
    restarted.hello(1);
    restarted.cut(1);
    restarted.pass(300_000);
    restarted.turn({ type: "tick" });
    expect(link(restarted)).toBe("disconnected");
  });
});

describe("the coordinator doubts itself first", () => {
  test("its own stall counts for nobody's silence", () => {
    const scenario = new Scenario();
    scenario.hello(1);
    scenario.cut(1);
    scenario.pass(10 * lostAfterMs(SETTINGS));
    extendLeases(scenario.fleet, 10 * lostAfterMs(SETTINGS), scenario.now);
    scenario.turn({ type: "tick" });
    expect(link(scenario)).toBe("disconnected");
  });

  test("after its own restart every lease begins anew", () => {
    const scenario = new Scenario();
    scenario.hello(1);
    scenario.pass(10 * lostAfterMs(SETTINGS));
    scenario.turn({ type: "restarted" });
    expect(link(scenario)).toBe("disconnected");
    scenario.pass(lostAfterMs(SETTINGS) - 1);
    scenario.turn({ type: "tick" });
    expect(link(scenario)).toBe("disconnected");
  });

  test("after a restart with a shorter lease the one that was granted still counts", () => {
    const scenario = new Scenario({ leaseMs: 300_000 });
    scenario.hello(1);
    const restarted = new Scenario({ leaseMs: 30_000 });
    for (const node of scenario.fleet.nodes.values()) restarted.fleet.nodes.load(node.id, node);
    restarted.turn({ type: "restarted" });
    restarted.pass(300_000);
    restarted.turn({ type: "tick" });
    expect(link(restarted)).toBe("disconnected");
  });

  test("an end of a connection whose turn could not be committed is not lost", () => {
    const scenario = new Scenario();
    scenario.hello(1);
    const ended = { type: "agentGone", sessionId: 1, nodeId: nodeIdOf(1), reason: "cut" } as const;
    scenario.failingTurn(ended);
    expect(link(scenario)).toBe("online");
    scenario.turn(ended);
    expect(link(scenario)).toBe("disconnected");
  });

  test("a jump of the wall clock ends no lease", () => {
    const scenario = new Scenario();
    scenario.hello(1);
    scenario.cut(1);
    scenario.now = { ...scenario.now, wallMs: scenario.now.wallMs + 86_400_000 };
    scenario.turn({ type: "tick" });
    expect(link(scenario)).toBe("disconnected");
  });
});
