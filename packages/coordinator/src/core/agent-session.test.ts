import { describe, expect, test } from "vitest";
import { aHello, aJob, aReport, nodeIdOf, Scenario, SETTINGS } from "../testing/scenario.ts";
import { lostAfterMs } from "./liveness.ts";

function withOneRunning() {
  const scenario = new Scenario();
  scenario.hello(1);
  const jobId = scenario.submit();
  const attempt = scenario.attempt(jobId);
  scenario.report(1, [aReport(attempt.id)]);
  return { scenario, jobId, attempt };
}

function gone(scenario: Scenario) {
  scenario.turn({ type: "agentGone", sessionId: 1, nodeId: nodeIdOf(1), reason: "cut" });
}

describe("a node that comes back", () => {
  test("is not taken for its own twin when the turn of its hello was taken back", () => {
    const { scenario } = withOneRunning();
    // Its machine restarted, and nobody has told the coordinator that the connection before is gone.
    scenario.pass(60_000);
    const hello = {
      type: "agentHello",
      sessionId: 2,
      hello: aHello(1, { bootId: "boot-2" }),
      heardAt: scenario.now,
    } as const;
    scenario.failingTurn(hello);
    scenario.turn(hello);
    expect(scenario.effects.refusals).toEqual([]);
    expect(scenario.fleet.nodes.get(nodeIdOf(1))?.bootId).toBe("boot-2");
  });

  test("counts as heard from when its hello came, not from when the disk let it be taken", () => {
    const { scenario } = withOneRunning();
    gone(scenario);
    const heardAt = scenario.now;
    scenario.pass(60_000);
    scenario.turn({ type: "agentHello", sessionId: 2, hello: aHello(1), heardAt });
    expect(scenario.fleet.presences.get(nodeIdOf(1))?.heardAtMonotonicMs).toBe(heardAt.monotonicMs);
  });

  test("goes on with what it still has", () => {
    const { scenario, attempt } = withOneRunning();
    scenario.hello(1, { attempts: [aReport(attempt.id)] }, 2);
    expect(scenario.told(1, 2)).toEqual([{ desired: "keep", attemptId: attempt.id }]);
  });

  test("is told again what it never got", () => {
    const scenario = new Scenario();
    scenario.hello(1);
    const jobId = scenario.submit();
    scenario.hello(1, {}, 2);
    expect(scenario.told(1, 2)).toMatchObject([{ desired: "run", attemptId: scenario.attempt(jobId).id }]);
  });

  test("is not told to run what an earlier start of the coordinator gave it: that may have run and been forgotten since", () => {
    const scenario = new Scenario();
    scenario.hello(1);
    const jobId = scenario.submit();
    const before = scenario.attempt(jobId);
    scenario.restart();
    scenario.hello(1, {}, 2);
    expect(scenario.eventsNamed("attempt.ended")).toMatchObject([{ outcome: "node lost (forgotten)", blame: "node" }]);
    expect(scenario.attempt(jobId)).toMatchObject({ number: 2 });
    expect(scenario.told(1, 2).map((told) => told.attemptId)).not.toContain(before.id);
  });

  test("hears of a cancel that it missed", () => {
    const { scenario, jobId, attempt } = withOneRunning();
    scenario.turn({ type: "agentGone", sessionId: 1, nodeId: nodeIdOf(1), reason: "cut" });
    scenario.turn({ type: "cancelJob", jobId, actor: "test" });
    scenario.hello(1, { attempts: [aReport(attempt.id)] }, 2);
    expect(scenario.told(1, 2)).toEqual([{ desired: "stop", attemptId: attempt.id, cause: "canceled" }]);
  });

  test("ends at once what was cancelled before it ever got it", () => {
    const scenario = new Scenario();
    scenario.hello(1);
    const jobId = scenario.submit();
    scenario.turn({ type: "cancelJob", jobId, actor: "test" });
    scenario.hello(1, {}, 2);
    expect(scenario.eventsNamed("job.ended")).toMatchObject([{ state: "canceled" }]);
    expect(scenario.told(1, 2)).toEqual([]);
  });

  test("delivers an end that happened while it was away", () => {
    const { scenario, attempt } = withOneRunning();
    const report = aReport(attempt.id, { state: "ended", outcome: { type: "exited", code: 0 }, endedAtMs: 5 });
    scenario.hello(1, { attempts: [report] }, 2);
    expect(scenario.eventsNamed("job.ended")).toMatchObject([{ state: "succeeded" }]);
    expect(scenario.told(1, 2)).toEqual([{ desired: "forget", attemptId: attempt.id }]);
  });

  test("loses what it had started and no longer knows, and never starts it again", () => {
    const { scenario, jobId, attempt } = withOneRunning();
    scenario.hello(1, {}, 2);
    expect(scenario.eventsNamed("attempt.ended")).toMatchObject([{ outcome: "node lost (forgotten)", blame: "node" }]);
    expect(scenario.attempt(jobId)).toMatchObject({ number: 2 });
    expect(scenario.told(1, 2).map((told) => told.attemptId)).not.toContain(attempt.id);
  });

  test("is not told of what it has beyond that: unlisted means stop and drop", () => {
    const scenario = new Scenario();
    scenario.hello(1, { attempts: [aReport("9.0.1-other0" as never)] });
    expect(scenario.told(1)).toEqual([]);
  });

  test("after a reboot loses what ran, even what it never reported", () => {
    const scenario = new Scenario();
    scenario.hello(1);
    const jobId = scenario.submit();
    gone(scenario);
    scenario.hello(1, { bootId: "boot-2" }, 2);
    expect(scenario.eventsNamed("node.rebooted")).toHaveLength(1);
    expect(scenario.eventsNamed("attempt.ended")).toMatchObject([{ outcome: "node lost (rebooted)" }]);
    expect(scenario.attempt(jobId)).toMatchObject({ number: 2, bootId: "boot-2" });
  });

  test("that rebooted while its hellos waited for the disk is not told to start what the earlier boot was given", () => {
    const scenario = new Scenario();
    scenario.hello(1);
    const { id } = scenario.attempt(scenario.submit());
    gone(scenario);
    const hello = (bootId: string, sessionId: number) =>
      ({ type: "agentHello", sessionId, hello: aHello(1, { bootId }), heardAt: scenario.now }) as const;
    const closed = { type: "agentGone", sessionId: 2, nodeId: nodeIdOf(1), reason: "connection reset" } as const;
    scenario.turn(hello("boot-1", 2), closed, hello("boot-2", 3));
    expect(scenario.told(1, 3)).toMatchObject([{ desired: "run" }]);
    expect(scenario.told(1, 3).map((told) => told.attemptId)).not.toContain(id);
  });

  test("after a reboot still delivers an end that was on its disk", () => {
    const { scenario, attempt } = withOneRunning();
    const report = aReport(attempt.id, { state: "ended", outcome: { type: "exited", code: 7 }, endedAtMs: 5 });
    gone(scenario);
    scenario.hello(1, { bootId: "boot-2", attempts: [report] }, 2);
    expect(scenario.eventsNamed("attempt.ended")).toMatchObject([{ outcome: "exit code 7" }]);
  });

  test("after a reboot may still send the output of an end that was on its disk", () => {
    const { scenario, jobId, attempt } = withOneRunning();
    const end = { outcome: { type: "exited", code: 0 }, endedAtMs: 5, outputBytes: 10 } as const;
    gone(scenario);
    scenario.hello(1, { bootId: "boot-2", attempts: [aReport(attempt.id, { state: "releasing", ...end })] }, 2);
    expect(scenario.told(1, 2)).toEqual([{ desired: "keep", attemptId: attempt.id }]);
    scenario.report(1, [aReport(attempt.id, { state: "ended", ...end })], 2);
    expect(scenario.eventsNamed("task.ended")).toMatchObject([{ jobId, state: "succeeded" }]);
  });

  test("from another boot while the node is still heard is a clone, and is refused", () => {
    const { scenario, jobId, attempt } = withOneRunning();
    scenario.hello(1, { bootId: "boot-of-the-clone" }, 2);
    expect(scenario.effects.refusals).toMatchObject([{ sessionId: 2, code: "agent.duplicateNode" }]);
    expect(scenario.attempt(jobId).id).toBe(attempt.id);
    scenario.pass(3 * SETTINGS.heartbeatIntervalMs + 1);
    scenario.hello(1, { bootId: "boot-of-the-clone" }, 3);
    expect(scenario.effects.welcomes.has(3)).toBe(true);
  });

  test("on another machine is a clone and is refused, while the node is out of reach and after it was lost too", () => {
    const { scenario, jobId, attempt } = withOneRunning();
    const clone = { bootId: "boot-of-the-clone", machineId: "another" };
    gone(scenario);
    scenario.pass(4 * SETTINGS.heartbeatIntervalMs);
    scenario.hello(1, clone, 2);
    expect(scenario.effects.refusals).toMatchObject([{ sessionId: 2, code: "agent.duplicateNode" }]);
    expect(scenario.effects.refusals[0]?.detail).toContain("another");
    // The node still runs it: nothing is given away, and it goes on when it is back.
    expect(scenario.attempt(jobId).id).toBe(attempt.id);
    expect(scenario.fleet.nodes.get(nodeIdOf(1))).toMatchObject({ link: "disconnected", bootId: "boot-1" });
    scenario.hello(1, { attempts: [aReport(attempt.id)] }, 3);
    expect(scenario.told(1, 3)).toEqual([{ desired: "keep", attemptId: attempt.id }]);
    scenario.turn({ type: "agentGone", sessionId: 3, nodeId: nodeIdOf(1), reason: "cut" });
    scenario.pass(10 * lostAfterMs(SETTINGS));
    scenario.turn({ type: "tick" });
    scenario.hello(1, { ...clone, bootId: "boot-1" }, 4);
    expect(scenario.effects.refusals).toMatchObject([{ sessionId: 4, code: "agent.duplicateNode" }]);
  });

  test("on the same machine, or without saying which, is the node after a reboot", () => {
    for (const machineId of ["machine-1", null]) {
      const { scenario, jobId } = withOneRunning();
      gone(scenario);
      scenario.hello(1, { bootId: "boot-2", machineId }, 2);
      expect(scenario.effects.refusals).toEqual([]);
      expect(scenario.attempt(jobId)).toMatchObject({ number: 2, bootId: "boot-2" });
      expect(scenario.fleet.nodes.get(nodeIdOf(1))?.machineId).toBe("machine-1");
    }
  });

  test("is known by its machine from the first hello on that says which", () => {
    const scenario = new Scenario();
    scenario.hello(1, { machineId: null });
    scenario.hello(1, { machineId: "machine-1" }, 2);
    expect(scenario.effects.refusals).toEqual([]);
    scenario.hello(1, { machineId: "another" }, 3);
    expect(scenario.effects.refusals).toMatchObject([{ sessionId: 3, code: "agent.duplicateNode" }]);
  });

  test("with less hardware than before keeps its attempts and gets no more than fits", () => {
    const scenario = new Scenario();
    scenario.hello(1, { gpus: 2 });
    const job = scenario.submit(aJob({ array: { size: 3 }, resources: { cpus: 0.1, gpus: 1 } }));
    const held = [scenario.attempt(job, 0), scenario.attempt(job, 1)];
    scenario.hello(1, { gpus: 1, attempts: held.map((attempt) => aReport(attempt.id)) }, 2);
    expect(scenario.eventsNamed("node.hardwareChanged")).toMatchObject([{ gpuCount: 1 }]);
    scenario.end(held[1] as never);
    // The GPU that came free is the one the node no longer has.
    expect(scenario.task(job, 2)?.state).toBe("queued");
    scenario.end(held[0] as never);
    expect(scenario.attempt(job, 2).allocation.gpuIds).toEqual(["GPU-1-0"]);
  });

  test("replaces its earlier connection", () => {
    const { scenario } = withOneRunning();
    scenario.hello(1, {}, 2);
    expect(scenario.effects.closings).toMatchObject([{ sessionId: 1 }]);
    scenario.turn({ type: "agentGone", sessionId: 1, nodeId: nodeIdOf(1), reason: "replaced" });
    expect(scenario.fleet.nodes.get(nodeIdOf(1))?.link).toBe("online");
  });
});
