import type { Diagnosis } from "@drover/shared/domain/diagnosis.ts";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { RunningCoordinator } from "../testing/running-coordinator.ts";

let coordinator: RunningCoordinator;
beforeAll(async () => {
  coordinator = await RunningCoordinator.start();
});
afterAll(() => coordinator[Symbol.asyncDispose]());

const DIAGNOSIS: Diagnosis = {
  findings: [{ severity: "ok", subject: null, code: null, text: "all is well", evidence: null, advice: null }],
  calls: [{ command: "nvidia-smi -L", tookMs: 40, result: "exit 0", said: "GPU 0: NVIDIA A100" }],
};

describe("a node that is asked how it is", () => {
  test("answers who asked, each with his own", async () => {
    const agent = await coordinator.connectAgent(1);
    await coordinator.client.setNodeAdmin("node1", { admin: "cordoned" });
    const asked = [coordinator.client.diagnose("node1"), coordinator.client.diagnose("node1", { burn: true })];
    const questions = [await agent.next("diagnose"), await agent.next("diagnose")];
    expect(new Set(questions.map(({ burn }) => burn))).toEqual(new Set([false, true]));
    for (const { requestId, burn } of questions.toReversed()) {
      const diagnosis = burn ? { ...DIAGNOSIS, calls: [] } : DIAGNOSIS;
      agent.send({ type: "diagnosis", requestId, diagnosis, problem: null });
    }
    expect(await Promise.all(asked)).toEqual([DIAGNOSIS, { ...DIAGNOSIS, calls: [] }]);
  });

  test("says why it cannot say", async () => {
    const agent = await coordinator.connectAgent(2);
    const asked = coordinator.client.diagnose("node2");
    const { requestId } = await agent.next("diagnose");
    agent.send({ type: "diagnosis", requestId, diagnosis: null, problem: "no process slots" });
    await expect(asked).rejects.toMatchObject({
      code: "node.diagnosisFailed",
      message: expect.stringContaining("no process slots"),
    });
  });

  test("does not answer for another, and is waited for no longer when its connection is gone", async () => {
    const agent = await coordinator.connectAgent(3);
    const other = await coordinator.connectAgent(4);
    const asked = coordinator.client.diagnose("node3");
    const { requestId } = await agent.next("diagnose");
    other.send({ type: "diagnosis", requestId, diagnosis: DIAGNOSIS, problem: null });
    // Frames of one connection are taken in order: when this is answered, the one before it was.
    const own = coordinator.client.diagnose("node4");
    other.send({
      type: "diagnosis",
      requestId: (await other.next("diagnose")).requestId,
      diagnosis: DIAGNOSIS,
      problem: null,
    });
    await own;
    agent.cut();
    await expect(asked).rejects.toMatchObject({ code: "node.notConnected" });
  });

  test.for([
    ["is not connected", "node3", "node.notConnected"],
    ["is not known", "nobody", "node.notFound"],
  ] as const)("and %s is not asked", async ([, name, code]) => {
    await expect(coordinator.client.diagnose(name)).rejects.toMatchObject({ code });
  });

  test("and may still get tasks burns nothing", async () => {
    await coordinator.connectAgent(6);
    await expect(coordinator.client.diagnose("node6", { burn: true })).rejects.toMatchObject({
      code: "node.notCordoned",
    });
  });

  test("and whose agent is of before is not asked", async () => {
    const agent = await coordinator.connectAgent(5, { protocolVersion: 1 });
    await expect(coordinator.client.diagnose("node5")).rejects.toMatchObject({ code: "node.agentTooOld" });
    agent.cut();
  });
});
