import { describe, expect, test } from "vitest";
import { aJob, aReport, nodeIdOf, Scenario, SETTINGS } from "../testing/scenario.ts";
import { MAX_FAULTLESS_ENDS } from "./end-attempt.ts";
import type { NodeCommand } from "./input.ts";
import { lostAfterMs } from "./liveness.ts";
import { explainWaiting } from "./scheduler/explain.ts";

const HOUR_MS = 3_600_000;

function say(
  admin: Extract<NodeCommand, { type: "setNodeAdmin" }>["admin"],
  more: Partial<Extract<NodeCommand, { type: "setNodeAdmin" }>> = {},
): NodeCommand {
  return {
    type: "setNodeAdmin",
    nodeId: nodeIdOf(1),
    admin,
    reason: null,
    deadlineAfterMs: null,
    actor: "ops",
    ...more,
  };
}

function oneRunning(hello: Parameters<Scenario["hello"]>[1] = {}) {
  const scenario = new Scenario();
  scenario.turn({ type: "restarted" });
  scenario.hello(1, { cpus: 1, ...hello });
  const jobId = scenario.submit();
  const attempt = scenario.attempt(jobId);
  scenario.report(1, [aReport(attempt.id)]);
  const nodeOf = () => scenario.fleet.nodes.get(nodeIdOf(1));
  /** Time passes, with heartbeats of the node. */
  const live = (durationMs: number) => {
    scenario.pass(durationMs);
    scenario.beat(1);
    scenario.turn({ type: "tick" });
  };
  return { scenario, jobId, attempt, nodeOf, live };
}

describe("a node that is cordoned", () => {
  test("gets nothing new while what runs there goes on, until it is uncordoned", () => {
    const { scenario, jobId, attempt, nodeOf, live } = oneRunning({ cpus: 4 });
    scenario.turn(say("cordoned", { reason: "fans are loud" }));
    const waiting = scenario.submit();
    live(1000);
    expect(scenario.task(waiting)?.state).toBe("queued");
    expect(scenario.attempt(jobId).id).toBe(attempt.id);
    expect(nodeOf()).toMatchObject({ admin: "cordoned", adminChange: { actor: "ops", reason: "fans are loud" } });
    scenario.turn(say("schedulable"));
    expect(scenario.attempt(waiting).nodeId).toBe(nodeIdOf(1));
    expect(scenario.eventsNamed("node.cordoned")).toMatchObject([{ nodeName: "node1", actor: "ops" }]);
    expect(scenario.eventsNamed("node.uncordoned")).toMatchObject([{ nodeName: "node1", actor: "ops", reason: null }]);
  });

  test("is told of once, however often it is said; another reason is another word", () => {
    const { scenario } = oneRunning();
    scenario.turn(say("cordoned", { reason: "a" }), say("cordoned", { reason: "a" }));
    scenario.turn(say("cordoned", { reason: "b" }));
    scenario.turn(say("schedulable"), say("schedulable", { reason: "done" }));
    expect(scenario.eventsNamed("node.cordoned").map(({ reason }) => reason)).toEqual(["a", "b"]);
    expect(scenario.eventsNamed("node.uncordoned")).toHaveLength(1);
  });

  test("that is not there is refused", () => {
    const { scenario } = oneRunning();
    expect(scenario.turn(say("cordoned", { nodeId: nodeIdOf(9) }))).toMatchObject([{ code: "node.notFound" }]);
  });
});

describe("a node that is draining", () => {
  test("is drained when what ran there has ended and its agent says that it holds nothing", () => {
    const { scenario, attempt, nodeOf, live } = oneRunning();
    scenario.turn(say("draining", { reason: "a new disk" }));
    live(HOUR_MS);
    expect(nodeOf()?.admin).toBe("draining");
    // From before the agent got the attempt, which it holds until it is told to forget it.
    scenario.beat(1, { attemptCount: 0 });
    scenario.end(attempt);
    scenario.turn({ type: "tick" });
    expect(nodeOf()?.admin).toBe("draining");
    scenario.beat(1, { attemptCount: 1 });
    scenario.turn({ type: "tick" });
    expect(nodeOf()?.admin).toBe("draining");
    scenario.beat(1, { attemptCount: 0 });
    scenario.turn({ type: "tick" }, { type: "tick" });
    expect(nodeOf()).toMatchObject({ admin: "drained", adminChange: { actor: "ops", reason: "a new disk" } });
    expect(scenario.eventsNamed("node.drained")).toEqual([
      { event: "node.drained", nodeId: nodeIdOf(1), nodeName: "node1", actor: "ops", reason: "a new disk" },
    ]);
  });

  test("is drained by the coordinator's count alone where its agent is of protocol version 1", () => {
    const { scenario, attempt, nodeOf } = oneRunning({ protocolVersion: 1, machineId: null });
    scenario.turn(say("draining"));
    scenario.turn({ type: "tick" });
    expect(nodeOf()?.admin).toBe("draining");
    scenario.end(attempt);
    scenario.beat(1, { attemptCount: null });
    scenario.turn({ type: "tick" });
    expect(nodeOf()?.admin).toBe("drained");
  });

  test("is not called drained while its agent cannot be asked", () => {
    const { scenario, nodeOf } = oneRunning();
    scenario.turn(say("draining"));
    scenario.cut(1);
    scenario.pass(10 * lostAfterMs(SETTINGS));
    scenario.turn({ type: "tick" });
    expect(scenario.fleet.attemptsOn(nodeIdOf(1))).toEqual([]);
    scenario.turn({ type: "tick" });
    expect(nodeOf()).toMatchObject({ link: "lost", admin: "draining" });
    scenario.hello(1, { cpus: 1 }, 2);
    scenario.turn({ type: "tick" });
    expect(nodeOf()?.admin).toBe("draining");
    scenario.beat(1);
    scenario.turn({ type: "tick" });
    expect(nodeOf()?.admin).toBe("drained");
  });

  test("stops what is left at its deadline, and that goes back to the queue", () => {
    const { scenario, jobId, attempt, live } = oneRunning();
    scenario.turn(say("draining", { deadlineAfterMs: HOUR_MS }));
    expect(scenario.eventsNamed("node.draining")).toMatchObject([
      { deadline: new Date(scenario.now.wallMs + HOUR_MS).toISOString() },
    ]);
    live(HOUR_MS - 1);
    expect(scenario.told(1)).toEqual([]);
    live(1);
    live(1000);
    expect(scenario.eventsNamed("attempt.stopping")).toMatchObject([{ attemptId: attempt.id, cause: "preempted" }]);
    expect(scenario.attempt(jobId)).toMatchObject({ state: "stopping", stopCause: "preempted" });
    scenario.hello(2);
    scenario.end(scenario.attempt(jobId), { type: "preempted" });
    expect(scenario.eventsNamed("task.requeued")).toMatchObject([{ cause: "preempted", blame: "system" }]);
    expect(scenario.attempt(jobId)).toMatchObject({ number: 2, nodeId: nodeIdOf(2) });
  });

  test("may get another deadline, or none after all, and is draining since it began to", () => {
    const { scenario, nodeOf, live } = oneRunning();
    scenario.turn(say("draining", { deadlineAfterMs: HOUR_MS }));
    const { sinceMs } = nodeOf()?.adminChange ?? {};
    live(1000);
    scenario.turn(say("draining"));
    live(2 * HOUR_MS);
    expect(scenario.eventsNamed("attempt.stopping")).toEqual([]);
    expect(nodeOf()?.adminChange).toMatchObject({ sinceMs, deadlineMs: null });
    expect(scenario.eventsNamed("node.draining").map(({ deadline }) => deadline !== null)).toEqual([true, false]);
  });

  test("stops nothing early when the wall clock is set", () => {
    const { scenario, live } = oneRunning();
    scenario.turn(say("draining", { deadlineAfterMs: HOUR_MS }));
    scenario.now = { ...scenario.now, wallMs: scenario.now.wallMs + 10 * HOUR_MS };
    live(HOUR_MS - 1);
    expect(scenario.eventsNamed("attempt.stopping")).toEqual([]);
    scenario.now = { ...scenario.now, wallMs: scenario.now.wallMs - 100 * HOUR_MS };
    live(1);
    expect(scenario.eventsNamed("attempt.stopping")).toHaveLength(1);
  });

  test("never uses up a task's attempts: not the user's, and not those that nodes may lose", () => {
    const { scenario, jobId } = oneRunning();
    for (let times = 0; times <= MAX_FAULTLESS_ENDS; times++) {
      scenario.turn(say("draining", { deadlineAfterMs: 0 }));
      scenario.turn({ type: "tick" });
      scenario.end(scenario.attempt(jobId), { type: "preempted" });
      scenario.turn(say("schedulable"));
    }
    expect(scenario.attempt(jobId).number).toBe(MAX_FAULTLESS_ENDS + 2);
  });

  test("that a user cancels meanwhile is canceled", () => {
    const { scenario, jobId } = oneRunning();
    scenario.turn(say("draining", { deadlineAfterMs: 0 }));
    scenario.turn({ type: "tick" });
    scenario.turn({ type: "cancelJob", jobId, actor: "user" });
    scenario.end(scenario.attempt(jobId), { type: "preempted" });
    expect(scenario.eventsNamed("job.ended")).toMatchObject([{ state: "canceled" }]);
  });

  test("whose deadline passes while it is out of reach is told to stop when it is back", () => {
    const { scenario, attempt } = oneRunning();
    scenario.turn(say("draining", { deadlineAfterMs: 1000 }));
    scenario.cut(1);
    scenario.pass(2000);
    scenario.turn({ type: "tick" });
    scenario.hello(1, { cpus: 1, attempts: [aReport(attempt.id)] }, 2);
    expect(scenario.told(1, 2)).toEqual([{ desired: "stop", attemptId: attempt.id, cause: "preempted" }]);
  });
});

describe("what operators said of a node", () => {
  test.each(["cordoned", "draining"] as const)("holds over reconnects, reboots and restarts: %s", (admin) => {
    const { scenario, nodeOf } = oneRunning();
    scenario.turn(say(admin, { reason: "why" }));
    const said = nodeOf()?.adminChange;
    scenario.hello(1, { cpus: 1, bootId: "boot-1" }, 2);
    scenario.turn({ type: "restarted" });
    scenario.hello(1, { cpus: 1, bootId: "boot-2" }, 3);
    expect(nodeOf()).toMatchObject({ link: "online", admin, adminChange: said });
    expect(scenario.task(scenario.submit())?.state).toBe("queued");
  });

  test("is taken back by uncordon, from each of its states", () => {
    const { scenario, attempt, nodeOf, live } = oneRunning();
    scenario.turn(say("draining"));
    scenario.turn(say("schedulable"));
    expect(nodeOf()?.admin).toBe("schedulable");
    scenario.turn(say("draining"), say("cordoned"), say("schedulable"));
    expect(nodeOf()?.admin).toBe("schedulable");
    scenario.turn(say("draining"));
    scenario.end(attempt);
    live(1000);
    expect(nodeOf()?.admin).toBe("drained");
    // A drain of what is drained changes nothing.
    scenario.turn(say("draining", { reason: "again" }));
    expect(nodeOf()?.admin).toBe("drained");
    scenario.turn(say("schedulable"));
    expect(scenario.attempt(scenario.submit()).nodeId).toBe(nodeIdOf(1));
  });
});

describe("why a task waits", () => {
  test("names the nodes that would do, were they not cordoned, draining or drained", () => {
    const scenario = new Scenario();
    for (const number of [1, 2, 3, 4, 5]) scenario.hello(number, { cpus: number === 5 ? 1 : 4 });
    scenario.turn(say("cordoned"), say("draining", { nodeId: nodeIdOf(2) }));
    const reason = () => explainWaiting(scenario.fleet, aJob({ resources: { cpus: 4 } }).resources);
    scenario.submit(aJob({ resources: { cpus: 4 }, array: { size: 3 } }));
    expect(reason().code).toBe("noNodeFitsNow");
    expect(reason().message).toContain("; node1 is cordoned; node2 is draining");
    scenario.beat(2);
    scenario.turn({ type: "tick" }, say("cordoned", { nodeId: nodeIdOf(3) }), say("cordoned", { nodeId: nodeIdOf(4) }));
    expect(reason().code).toBe("fittingNodesUnavailable");
    expect(reason().message).toMatch(/(; node\d is (cordoned|drained)){3}; and 1 more like them/);
    expect(reason().nodes.map(({ verdict }) => verdict)).toEqual([
      "cordoned",
      "drained",
      "cordoned",
      "cordoned",
      "tooSmall",
    ]);
  });
});

test("attempts with onDisconnect=wait are stopped by a drain's deadline too", () => {
  const scenario = new Scenario();
  scenario.hello(1);
  const jobId = scenario.submit(aJob({ onDisconnect: "wait" }));
  scenario.turn(say("draining", { deadlineAfterMs: 0 }));
  scenario.turn({ type: "tick" });
  expect(scenario.attempt(jobId).stopCause).toBe("preempted");
});
