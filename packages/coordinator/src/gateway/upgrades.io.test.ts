import { appendFileSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { RunningCoordinator } from "../testing/running-coordinator.ts";
import { aHello } from "../testing/scenario.ts";

const SHA256 = "ab".repeat(32);

let coordinator: RunningCoordinator;
beforeAll(async () => {
  coordinator = await RunningCoordinator.start();
  const folder = join(coordinator.dataDir, "artifacts");
  mkdirSync(folder);
  const { architecture } = aHello(1).hardware;
  appendFileSync(join(folder, "SHA256SUMS"), `${SHA256}  drover-0.2.0-linux-${architecture}.tar.gz\n`);
});
afterAll(() => coordinator[Symbol.asyncDispose]());

describe("a node that is to become another version", () => {
  test("is told the version and the checksum of its archive", async () => {
    const agent = await coordinator.connectAgent(1);
    const asked = coordinator.client.upgradeNode("node1", "0.2.0");
    const { requestId, ...told } = await agent.next("upgrade");
    expect(told).toEqual({ type: "upgrade", version: "0.2.0", sha256: SHA256 });
    agent.send({ type: "upgradeMade", requestId, problem: null });
    expect((await asked).name).toBe("node1");
  });

  test("says why it cannot", async () => {
    const agent = await coordinator.connectAgent(2);
    const asked = coordinator.client.upgradeNode("node2", "0.2.0");
    const { requestId } = await agent.next("upgrade");
    agent.send({ type: "upgradeMade", requestId, problem: "the disk is full" });
    await expect(asked).rejects.toMatchObject({
      code: "node.upgradeFailed",
      message: expect.stringContaining("the disk is full"),
    });
  });

  test("is not asked for one of which there is no archive for it", async () => {
    await expect(coordinator.client.upgradeNode("node1", "0.3.0")).rejects.toMatchObject({
      code: "artifacts.notFound",
    });
  });

  test("is not asked where its agent does not know the question", async () => {
    await coordinator.connectAgent(3, { protocolVersion: 1 });
    await expect(coordinator.client.upgradeNode("node3", "0.2.0")).rejects.toMatchObject({ code: "node.agentTooOld" });
  });
});
