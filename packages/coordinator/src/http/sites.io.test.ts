import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { SiteList } from "@drover/shared/api/sites.ts";
import { RunningCoordinator } from "../testing/running-coordinator.ts";

/** A heartbeat so short that silence is noticed within a test. */
const QUICK = { heartbeatIntervalMs: 100, leaseMs: 300 };

let coordinator: RunningCoordinator;
beforeAll(async () => {
  coordinator = await RunningCoordinator.start(undefined, QUICK);
});
afterAll(() => coordinator[Symbol.asyncDispose]());

describe("sites", () => {
  test("are listed with their nodes; one whose nodes fall silent together is frozen until they are declared gone", async () => {
    const agents = [
      await coordinator.connectAgent(1, { site: "team/berlin" }),
      await coordinator.connectAgent(2, { site: "team/berlin" }),
      await coordinator.connectAgent(3),
    ];
    expect(await coordinator.client.listSites()).toMatchObject({
      sites: [
        { name: "team/berlin", nodes: 2, frozenSince: null, why: null },
        { name: null, nodes: 1, frozenSince: null },
      ],
      fleet: { nodes: 3 },
    });
    for (const agent of agents) agent.cut();
    const berlin = async () => (await coordinator.client.listSites()).sites[0];
    await expect.poll(berlin, { timeout: 10_000 }).toMatchObject({
      online: 0,
      frozenSince: expect.any(String),
      why: expect.stringContaining("2 of 2 nodes are silent"),
    });
    expect(coordinator.logLines).toContainEqual(
      expect.objectContaining({ level: 50, event: "site.frozen", scope: "site", site: "team/berlin", away: 2 }),
    );
    expect(await coordinator.client.declareSiteGone("team/berlin")).toMatchObject({ name: "team/berlin", nodes: 2 });
    await expect.poll(berlin, { timeout: 10_000 }).toMatchObject({ frozenSince: null });
    expect(await coordinator.client.getNode("node1")).toMatchObject({ goneSince: expect.any(String) });
  });

  test("and nodes that are online are not declared gone", async () => {
    const agent = await coordinator.connectAgent(4, { site: "paris" });
    const node = coordinator.request("/v1/nodes/node4/gone", { method: "POST" });
    expect(await (await node).json()).toMatchObject({ status: 409, code: "node.stillOnline" });
    const site = coordinator.request("/v1/sites/paris/gone", { method: "POST" });
    expect(await (await site).json()).toMatchObject({
      status: 409,
      code: "site.stillOnline",
      detail: "node4 is online.",
    });
    agent.cut();
  });

  test("that are named by nobody are addressed as -", async () => {
    await expect
      .poll(async () => (await coordinator.client.getNode("node3")).link, { timeout: 10_000 })
      .not.toBe("online");
    expect(await coordinator.client.declareSiteGone(null)).toMatchObject({ name: null, nodes: 1 });
  });

  test("are described by a schema that their list fits", async () => {
    SiteList.parse(await (await coordinator.request("/v1/sites")).json());
  });
});
