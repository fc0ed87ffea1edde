import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { Pool } from "undici";
import { describe, expect, onTestFinished, test } from "vitest";
import { systemClock, type Clock } from "@drover/shared/clock.ts";
import type { Problem } from "@drover/shared/api/problem.ts";
import { formatJoinToken, parseJoinToken } from "@drover/shared/domain/join-token.ts";
import { JoiningNode } from "@drover/coordinator/testing/joining-node.ts";
import { RunningCoordinator } from "@drover/coordinator/testing/running-coordinator.ts";
import { CoordinatorProcess } from "../storage/coordinator-process.ts";
import { waitFor } from "../support/wait-for.ts";
import { startTlsCoordinator } from "./tls-coordinator.ts";
import { AgentProgram, aFolder } from "./agent-program.ts";

const GUESSES = 10_000;

describe("the agent", () => {
  test("that is given a token joins at its first start, and with its key comes back without one", async () => {
    await using coordinator = await RunningCoordinator.start(undefined, { names: ["localhost"] });
    const { token } = await coordinator.client.createInvite({ site: "lab" });
    const dataDir = aFolder();
    const words = ["--coordinator", coordinator.url, "--data-dir", dataDir, "--name", "first"];
    const isOnline = async () => (await coordinator.client.getNode("first")).link === "online";
    const agent = AgentProgram.start(words, { DROVER_JOIN_TOKEN: token });
    await waitFor("the node to be online", isOnline);
    expect(agent.said).toContain('"agent.joined"');
    expect(statSync(join(dataDir, "node.key")).mode & 0o777).toBe(0o600);
    await agent.stop();
    AgentProgram.start(words);
    await waitFor("the node to be online again", isOnline);
  });

  test("of one fleet refuses another, unless it is told to leave the first", async () => {
    const [{ coordinator: first }, { coordinator: second }] = [
      await startTlsCoordinator(),
      await startTlsCoordinator(),
    ];
    onTestFinished(() => Promise.all([first, second].map((each) => each[Symbol.asyncDispose]())).then(() => {}));
    const dataDir = aFolder();
    const joinTo = async (coordinator: RunningCoordinator, ...more: string[]) => {
      const { token } = await coordinator.client.createInvite({});
      const words = [
        "--coordinator",
        coordinator.url,
        "--data-dir",
        dataDir,
        "--name",
        "torn",
        "join",
        "--token",
        token,
      ];
      return AgentProgram.run([...words, ...more]);
    };
    expect(await joinTo(first)).toMatchObject({ exitCode: 0 });
    const refused = await joinTo(second);
    expect(refused).toMatchObject({ exitCode: 1, said: expect.stringMatching(/join\.otherFleet: .*--force/) });
    expect((await second.client.listPending()).unusedInvites).toHaveLength(1);
    expect(await joinTo(second, "--force")).toMatchObject({ exitCode: 0 });
    AgentProgram.start(["--data-dir", dataDir, "--name", "torn"]);
    await waitFor("the node to be online", async () => (await second.client.getNode("torn")).link === "online");
  });

  test("of one fleet does not speak to a coordinator of another that has taken its address", async () => {
    const dataDir = aFolder();
    const first = await RunningCoordinator.start(undefined, { names: ["localhost"] });
    const port = Number(new URL(first.url).port);
    const { token } = await first.client.createInvite({});
    await AgentProgram.run(["--coordinator", first.url, "--data-dir", dataDir, "join", "--token", token]);
    await first[Symbol.asyncDispose]();
    await using second = await RunningCoordinator.start(undefined, { names: ["localhost"], port });
    const agent = AgentProgram.start(["--data-dir", dataDir, "--name", "loyal"]);
    await agent.untilSaid('"agent.refusesCoordinator"');
    expect(agent.said).toContain("agent.otherFleet");
    expect((await second.client.listNodes()).nodes).toEqual([]);
  });
});

test(`${GUESSES} wrong join tokens are locked out, cost no memory and hinder nobody`, async () => {
  // Slow enough that on no machine the guesses take longer than the minute in which they are counted.
  const clock: Clock = { ...systemClock, monotonicMs: () => performance.now() / 100 };
  await using coordinator = await RunningCoordinator.start(undefined, { names: ["localhost"] }, clock);
  const { token } = await coordinator.client.createInvite({ uses: 2 });
  const node = new JoiningNode(1);
  await node.join(coordinator, token);
  const agent = await node.connect(coordinator);
  await agent.next("welcome");
  const pool = new Pool(coordinator.url.replace("localhost", "127.0.0.1"), { connections: 8, pipelining: 8 });
  onTestFinished(() => pool.close());
  const body = JSON.stringify({
    nodeId: "node-aaaaaaaaaaaa",
    name: "x",
    machineId: null,
    publicKey: "A".repeat(43),
    fleetId: null,
  });
  const codes = new Map<string, number>();
  let count = 0;
  async function guess(): Promise<void> {
    while (count < GUESSES) {
      const secret = String(count++).padStart(43, "A");
      const wrong = formatJoinToken({ ...parseJoinToken(token)!, secret });
      const headers = { "content-type": "application/json", authorization: `Bearer ${wrong}` };
      const answer = await pool.request({ path: "/v1/join", method: "POST", headers, body });
      const { code } = (await answer.body.json()) as Problem;
      codes.set(code, (codes.get(code) ?? 0) + 1);
    }
  }
  await Promise.all(Array.from({ length: 64 }, guess));
  expect(Object.fromEntries(codes)).toEqual({ "join.tokenInvalid": 10, "access.lockedOut": GUESSES - 10 });
  const { failures } = await coordinator.client.listPending();
  expect(failures).toMatchObject([{ address: "127.0.0.1", code: "join.tokenInvalid", count: GUESSES }]);
  const { entries } = await coordinator.client.readAudit({ verdict: "denied", action: "node.join", limit: 500 });
  expect(entries).toHaveLength(10);
  // From the same address: who has a right one joins, and who has joined stays.
  expect(await new JoiningNode(2).join(coordinator, token)).toMatchObject({ state: "enrolled" });
  expect((await coordinator.client.getNode(node.hello.nodeId)).link).toBe("online");
}, 90_000);

test("no secret of a run is in any file, log line, event or row but the one that is there for it", async () => {
  const [coordinatorDir, agentDir] = [aFolder(), aFolder()];
  const options = ["--advertise", "localhost", "--insecure-plain-http"];
  await using coordinator = await CoordinatorProcess.start({ dataDir: coordinatorDir, options });
  const secrets = new Map<string, string>([["the admin's token", coordinator.token.read() ?? ""]]);
  const { token: userToken } = await coordinator.client.createToken({ name: "anna", role: "user" });
  const { token: joinToken } = await coordinator.client.createInvite({ uses: 3 });
  secrets.set("a user's token", userToken).set("the join token's secret", parseJoinToken(joinToken)!.secret);
  const agent = AgentProgram.start(["--coordinator", coordinator.url, "--data-dir", agentDir, "--name", "keeper"], {
    DROVER_JOIN_TOKEN: joinToken,
  });
  await waitFor("the node to be online", async () => (await coordinator.client.getNode("keeper")).link === "online");
  // What people get wrong: tokens where names belong, tokens that are cut, tokens that are wrong.
  const strangers = [userToken, joinToken, joinToken.slice(0, -4), `${userToken.slice(0, -1)}x`];
  for (const pasted of strangers) {
    await coordinator.client.revokeToken(pasted).catch(() => {});
    await coordinator.client.revokeInvite(pasted).catch(() => {});
    await coordinator.client.getNode(pasted).catch(() => {});
    await fetch(`${coordinator.url}/v1/jobs?token=${pasted}`, { headers: { authorization: `Bearer ${pasted}` } });
    await fetch(`${coordinator.url}/v1/join`, { method: "POST", headers: { authorization: `Bearer ${pasted}` } });
  }
  const { id } = await coordinator.client.submitJob({ command: ["env"] });
  await waitFor("the job to end", async () => (await coordinator.client.getJob(id)).state === "succeeded");
  const key = readFileSync(join(agentDir, "node.key"), "utf8").split("\n")[1] ?? "";
  secrets.set("the node's key", key.slice(-40));
  await agent.stop();
  await coordinator.stop();

  const meantForIt = new Set([join(agentDir, "node.key")]);
  const written = new Map<string, Buffer>([
    ["the coordinator's log", Buffer.from(coordinator.lines.map((line) => JSON.stringify(line)).join("\n"))],
    ["the agent's log", Buffer.from(agent.said)],
  ]);
  for (const folder of [coordinatorDir, agentDir])
    for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
      const path = join(entry.parentPath, entry.name);
      if (entry.isFile() && !meantForIt.has(path)) written.set(path, readFileSync(path));
    }
  expect([...written.keys()].some((path) => path.endsWith("drover.db"))).toBe(true);
  expect([...written.keys()].some((path) => path.includes("/output/"))).toBe(true);
  const found = [...secrets].flatMap(([name, secret]) =>
    [...written].filter(([, bytes]) => bytes.includes(secret.slice(0, 24))).map(([path]) => `${name} is in ${path}`),
  );
  expect(found).toEqual([]);
});
