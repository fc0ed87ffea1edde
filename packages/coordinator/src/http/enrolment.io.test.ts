import Database from "better-sqlite3";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { InviteRequest } from "@drover/shared/api/enrolment.ts";
import { systemClock, type Clock } from "@drover/shared/clock.ts";
import { formatJoinToken, parseJoinToken } from "@drover/shared/domain/join-token.ts";
import { MS_PER_DAY } from "@drover/shared/units.ts";
import { VERSION_1_FRAMES } from "@drover/shared/testing/version-1-frames.ts";
import { JoiningNode } from "../testing/joining-node.ts";
import { RunningCoordinator, type ScriptedAgent } from "../testing/running-coordinator.ts";

/** Reached by others, so nobody comes in who has not joined; without TLS, which is no part of this. */
const REACHED_BY_OTHERS = { names: ["localhost"] };

let aheadMs = 0;
const clock: Clock = { ...systemClock, nowMs: () => Date.now() + aheadMs };
let coordinator: RunningCoordinator;
let lastNumber = 0;
beforeAll(async () => {
  coordinator = await RunningCoordinator.start(undefined, REACHED_BY_OTHERS, clock);
});
afterAll(() => coordinator[Symbol.asyncDispose]());

async function newToken(request: InviteRequest = {}): Promise<string> {
  return (await coordinator.client.createInvite(request)).token;
}

function aNode(hello: ConstructorParameters<typeof JoiningNode>[1] = {}): JoiningNode {
  return new JoiningNode(++lastNumber, hello);
}

async function joinedNode(request: InviteRequest = {}): Promise<JoiningNode> {
  const node = aNode();
  expect(await node.join(coordinator, await newToken(request))).toMatchObject({ state: "enrolled" });
  return node;
}

async function refusalOf(agent: ScriptedAgent): Promise<string> {
  return (await agent.next("refused")).code;
}

/** A machine on the way to the coordinator sees no TLS here, so its address is the same as that of a true one. */
function wrongSecret(token: string): string {
  return formatJoinToken({ ...parseJoinToken(token)!, secret: "w".repeat(43) });
}

describe("a join token", () => {
  test("lets a machine in, with the site and the labels that it gives", async () => {
    const node = aNode({ site: "elsewhere" });
    const token = await newToken({ site: "lab", labels: { team: "vision" }, namePattern: "node*" });
    expect(token).toMatch(/^drv1\.plain\.[a-z0-9]{10}\.[\w-]{43}$/);
    expect(await node.join(coordinator, token)).toMatchObject({ state: "enrolled", site: "lab" });
    await (await node.connect(coordinator)).next("welcome");
    expect(await coordinator.client.getNode(node.hello.nodeId)).toMatchObject({
      link: "online",
      site: "lab",
      labels: { team: "vision" },
    });
  });

  test("is kept as its hash alone, and each of its uses is on the record", async () => {
    const token = await newToken({ uses: 2 });
    const { id, secret } = parseJoinToken(token)!;
    for (let i = 0; i < 2; i++) expect(await aNode().join(coordinator, token)).toMatchObject({ state: "enrolled" });
    const { entries } = await coordinator.client.readAudit({ action: "node.join", actor: `invite ${id}` });
    expect(entries.map(({ verdict }) => verdict)).toEqual(["allowed", "allowed"]);
    const database = new Database(join(coordinator.dataDir, "drover.db"), { readonly: true });
    expect(JSON.stringify(database.prepare("select * from invites").all())).not.toContain(secret);
    database.close();
  });

  test("is good for as many machines as it says, and the same one again is not another", async () => {
    const token = await newToken({ uses: 1 });
    const node = aNode();
    for (let i = 0; i < 3; i++) expect(await node.join(coordinator, token)).toMatchObject({ state: "enrolled" });
    expect(await aNode().join(coordinator, token)).toBe("join.tokenExhausted");
  });

  test("is good until it expires or is revoked", async () => {
    const [expiring, revoked] = [await newToken({ expires: "2h" }), await newToken()];
    await coordinator.client.revokeInvite(parseJoinToken(revoked)!.id);
    expect(await aNode().join(coordinator, revoked)).toBe("join.tokenRevoked");
    aheadMs = 3 * 3_600_000;
    expect(await aNode().join(coordinator, expiring)).toBe("join.tokenExpired");
    aheadMs = 0;
    expect(await aNode().join(coordinator, expiring)).toMatchObject({ state: "enrolled" });
  });

  test("is nothing with another secret, and does not say whether there is one of its id", async () => {
    const token = await newToken();
    for (const wrong of [wrongSecret(token), token.replace(/\.[a-z0-9]{10}\./, ".nosuchname."), token.slice(0, -1), ""])
      expect(await aNode().join(coordinator, wrong)).toBe("join.tokenInvalid");
  });

  test("is for machines of the names that it gives", async () => {
    const token = await newToken({ namePattern: "gpu-??" });
    expect(await aNode({ name: "cpu-01" }).join(coordinator, token)).toBe("join.nameNotAllowed");
    const node = aNode({ name: "gpu-01" });
    expect(await node.join(coordinator, token)).toMatchObject({ state: "enrolled" });
    expect(await refusalOf(await node.connect(coordinator, { name: "head-node" }))).toBe("join.nameNotAllowed");
  });

  test("does not let a machine in under the id of another", async () => {
    const node = await joinedNode();
    const token = await newToken({ uses: 5 });
    const thief = new JoiningNode(lastNumber, { machineId: "another" });
    expect(await thief.join(coordinator, token)).toBe("join.nodeTaken");
    // Nor a copy of it, key and all.
    expect(await node.join(coordinator, token, { machineId: "another" })).toBe("join.nodeTaken");
    await (await node.connect(coordinator)).next("welcome");
  });

  test("is refused to a machine of another fleet", async () => {
    const token = await newToken();
    expect(await aNode().join(coordinator, token, { fleetId: "another" })).toBe("join.otherFleet");
    expect(await aNode().join(coordinator, token)).toMatchObject({ state: "enrolled" });
  });

  test.each([
    ["site", { site: "not a site" }],
    ["labels", { labels: { "": "x" } }],
    ["uses", { uses: 0 }],
    ["expires", { expires: 366 * MS_PER_DAY }],
  ])("takes no %s that cannot be", async (_field, request) => {
    await expect(coordinator.client.createInvite(request)).rejects.toMatchObject({ code: "request.invalid" });
  });
});

describe("a connection", () => {
  test("of a node that never joined is refused", async () => {
    const agent = await coordinator.connectRaw();
    agent.send(aNode().hello);
    expect(await refusalOf(agent)).toBe("agent.notEnrolled");
    const old = await coordinator.connectRaw();
    old.send(VERSION_1_FRAMES.hello);
    expect(await refusalOf(old)).toBe("agent.notEnrolled");
  });

  test("that repeats what was said on another is refused", async () => {
    const node = await joinedNode();
    const first = await coordinator.connectRaw();
    const captured = node.signedHello(await first.next("challenge"));
    first.send(captured);
    await first.next("welcome");
    const replayed = await coordinator.connectRaw();
    replayed.send(captured);
    expect(await refusalOf(replayed)).toBe("agent.identityUnproven");
    // And the true one was not disturbed.
    expect(await coordinator.client.getNode(node.hello.nodeId)).toMatchObject({ link: "online" });
  });

  test("without a proof, with another's, or with one for another fleet is refused", async () => {
    const [node, other] = [await joinedNode(), await joinedNode()];
    const says = async (make: (challenge: { fleetId: string; nonce: string }) => object): Promise<string> => {
      const agent = await coordinator.connectRaw();
      agent.send(JSON.stringify(make(await agent.next("challenge"))));
      return refusalOf(agent);
    };
    expect(await says(() => node.hello)).toBe("agent.identityUnproven");
    expect(await says((challenge) => other.signedHello(challenge, { nodeId: node.hello.nodeId }))).toBe(
      "agent.identityUnproven",
    );
    expect(await says(({ nonce }) => node.signedHello({ nonce, fleetId: "another" }))).toBe("agent.identityUnproven");
    expect(await says((challenge) => ({ ...node.signedHello(challenge), machineId: "x" }))).toBe(
      "agent.identityUnproven",
    );
    expect(await says(() => ({ ...node.hello, proof: "not a signature" }))).toBe("agent.identityUnproven");
  });

  test.each([["another"], [null]])("with a stolen key, from a machine that says %j, is refused", async (machineId) => {
    const node = await joinedNode();
    const agent = await node.connect(coordinator, { machineId });
    const { code, message } = await agent.next("refused");
    expect(code).toBe("agent.otherMachine");
    expect(message).toContain("a clone, or a thief");
  });
});

describe("a node that waits to be let in", () => {
  test("is shown, refused, and welcome once an operator has approved it", async () => {
    const token = await newToken({ needsApproval: true });
    const { id } = parseJoinToken(token)!;
    expect((await coordinator.client.listPending()).unusedInvites.map((invite) => invite.id)).toContain(id);
    const node = aNode();
    expect(await node.join(coordinator, token)).toMatchObject({ state: "pending" });
    expect(await refusalOf(await node.connect(coordinator))).toBe("agent.pendingApproval");
    const pending = await coordinator.client.listPending();
    expect(pending.waiting).toMatchObject([{ nodeId: node.hello.nodeId, inviteId: id, address: "127.0.0.1" }]);
    expect(pending.unusedInvites.map((invite) => invite.id)).not.toContain(id);
    await coordinator.client.approveNode(node.hello.name);
    await (await node.connect(coordinator)).next("welcome");
    await expect(coordinator.client.approveNode(node.hello.name)).rejects.toMatchObject({ code: "enrolment.notFound" });
  });

  test("can be turned away", async () => {
    const node = aNode();
    await node.join(coordinator, await newToken({ needsApproval: true }));
    await coordinator.client.removeNode(node.hello.name);
    expect(await refusalOf(await node.connect(coordinator))).toBe("agent.removed");
  });

  test("is not the only thing that is shown: who failed to join is, with the reason", async () => {
    const token = await newToken();
    await coordinator.client.revokeInvite(parseJoinToken(token)!.id);
    await aNode().join(coordinator, token);
    const { failures } = await coordinator.client.listPending();
    const reason = expect.stringContaining("was revoked") as string;
    expect(failures).toContainEqual(
      expect.objectContaining({ address: "127.0.0.1", code: "join.tokenRevoked", reason }),
    );
  });
});

describe("a node that is removed", () => {
  test("is cut off at once, is not heard any more, and is gone from the list", async () => {
    const node = await joinedNode();
    const agent = await node.connect(coordinator);
    await agent.next("welcome");
    const removed = await coordinator.client.removeNode(node.hello.name);
    expect(removed).toMatchObject({ nodeId: node.hello.nodeId, state: "removed" });
    expect((await agent.next("refused")).code).toBe("agent.removed");
    await agent.closed;
    expect(await refusalOf(await node.connect(coordinator))).toBe("agent.removed");
    const { nodes } = await coordinator.client.listNodes();
    expect(nodes.map(({ id }) => id)).not.toContain(node.hello.nodeId);
    expect(await coordinator.client.getNode(node.hello.nodeId)).toMatchObject({ link: "disconnected" });
  });

  test("stays out over a restart, and comes back by another token", async () => {
    const node = await joinedNode();
    await (await node.connect(coordinator)).next("welcome");
    await coordinator.client.removeNode(node.hello.nodeId);
    await coordinator.restart();
    expect(await refusalOf(await node.connect(coordinator))).toBe("agent.removed");
    expect(await node.join(coordinator, await newToken())).toMatchObject({ state: "enrolled" });
    await (await node.connect(coordinator)).next("welcome");
    const { nodes } = await coordinator.client.listNodes();
    expect(nodes.map(({ id }) => id)).toContain(node.hello.nodeId);
  });

  test("and nodes that never joined are kept out as well", async () => {
    await using local = await RunningCoordinator.start();
    const agent = await local.connectAgent(1);
    await local.client.removeNode("node1");
    expect((await agent.next("refused")).code).toBe("agent.removed");
    const again = await local.connectRaw();
    again.send(new JoiningNode(1).hello);
    expect(await refusalOf(again)).toBe("agent.removed");
  });
});

test("on loopback alone a node need not have joined, unless something passes on what comes from elsewhere", async () => {
  await using local = await RunningCoordinator.start();
  await local.connectAgent(1);
  const passedOn = await local.connectRaw({ headers: { "x-forwarded-for": "203.0.113.9" } });
  passedOn.send(new JoiningNode(2).hello);
  expect(await refusalOf(passedOn)).toBe("agent.notEnrolled");
});

test("a node that has joined proves it on loopback too", async () => {
  await using local = await RunningCoordinator.start();
  const node = new JoiningNode(1);
  await node.join(local, (await local.client.createInvite({})).token);
  const agent = await local.connectRaw();
  agent.send(node.hello);
  expect(await refusalOf(agent)).toBe("agent.identityUnproven");
});
