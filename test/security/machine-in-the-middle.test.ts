import { spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { RunningCoordinator } from "@drover/coordinator/testing/running-coordinator.ts";
import { ownFingerprint } from "@drover/coordinator/tls/own-certificate.ts";
import { waitFor } from "../support/wait-for.ts";
import { AgentProgram, aFolder } from "./agent-program.ts";
import { startImpostor } from "./impostor.ts";
import { startTlsCoordinator } from "./tls-coordinator.ts";

const DROVER = join(import.meta.dirname, "../../packages/cli/bin/drover.mjs");

let coordinator: RunningCoordinator;
let fingerprint: string;
let authorityPem: string;
beforeAll(async () => {
  ({ coordinator, authorityPem } = await startTlsCoordinator());
  fingerprint = ownFingerprint(coordinator.dataDir);
});
afterAll(() => coordinator[Symbol.asyncDispose]());

/** The real program, with a token that must not get into other hands. */
function drover(url: string, env: Record<string, string>): Promise<{ exitCode: number | null; said: string }> {
  const child = spawn(process.execPath, [DROVER, "--coordinator", url, "nodes", "--json"], {
    env: { PATH: process.env["PATH"], DROVER_TOKEN: coordinator.token, ...env },
  });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (bytes: Buffer) => (said += bytes.toString()));
  return new Promise((resolve) => child.once("close", (exitCode) => resolve({ exitCode, said })));
}

describe("drover", () => {
  test("serves its user by the authority that it was told of", async () => {
    const { exitCode, said } = await drover(coordinator.url, { DROVER_CA_FINGERPRINT: fingerprint });
    expect({ exitCode, said: JSON.parse(said) as unknown }).toEqual({ exitCode: 0, said: { nodes: [] } });
  });

  test("trusts no coordinator that its machine does not know, and says what to do", async () => {
    const { exitCode, said } = await drover(coordinator.url, {});
    expect(exitCode).toBe(2);
    expect(said).toMatch(
      /^drover: What answers at https:\S+ is not to be trusted: .*; where the .* DROVER_CA_FINGERPRINT/,
    );
  });

  test("sends nothing to an impostor, and says why", async () => {
    await using impostor = await startImpostor();
    const { exitCode, said } = await drover(`https://localhost:${impostor.port}`, {
      DROVER_CA_FINGERPRINT: fingerprint,
    });
    expect(exitCode).toBe(2);
    expect(said).toContain(`is not of the authority ${fingerprint}`);
    expect([impostor.handshakes() > 0, impostor.heard()]).toEqual([true, ""]);
  });

  test("sends nothing to an impostor that claims to be of the true authority", async () => {
    await using impostor = await startImpostor({ authorityPem });
    const { exitCode, said } = await drover(`https://localhost:${impostor.port}`, {
      DROVER_CA_FINGERPRINT: fingerprint,
    });
    expect(exitCode).toBe(2);
    expect(said).toMatch(/is not to be trusted: certificate signature failure.*somebody may stand in between/);
    expect([impostor.handshakes() > 1, impostor.heard()]).toEqual([true, ""]);
  });

  test("does not go on where Node is told to trust anybody", async () => {
    await using impostor = await startImpostor({ authorityPem });
    const { exitCode, said } = await drover(`https://localhost:${impostor.port}`, {
      DROVER_CA_FINGERPRINT: fingerprint,
      NODE_TLS_REJECT_UNAUTHORIZED: "0",
    });
    expect(exitCode).toBe(2);
    expect(said).toContain("NODE_TLS_REJECT_UNAUTHORIZED=0 would trust anybody");
    expect(impostor.heard()).toBe("");
  });

  test("sends nothing to another server of the true authority", async () => {
    const authorityKeyPem = readFileSync(join(coordinator.dataDir, "tls/ca.key"), "utf8");
    await using impostor = await startImpostor({ authorityPem, authorityKeyPem, names: ["other.example"] });
    const { exitCode, said } = await drover(`https://localhost:${impostor.port}`, {
      DROVER_CA_FINGERPRINT: fingerprint,
    });
    expect(exitCode).toBe(2);
    expect(said).toContain("localhost. is not in the cert's altnames");
    expect([impostor.handshakes() > 1, impostor.heard()]).toEqual([true, ""]);
  });
});

/** What somebody may have set on the machine for another program: no agent goes by it. */
const TRUST_ANYBODY = { NODE_TLS_REJECT_UNAUTHORIZED: "0" };

describe("drover-agent", () => {
  const trusted = () => coordinator.client.createInvite({ uses: 10 });

  test("joins over TLS by the authority that the token names, and is online", async () => {
    const dataDir = aFolder();
    const { token } = await trusted();
    const words = ["--coordinator", coordinator.url, "--data-dir", dataDir, "--name", "tls-node"];
    const joined = await AgentProgram.run([...words, "join", "--token", token]);
    expect(joined).toMatchObject({ exitCode: 0, said: expect.stringMatching(/^node-\w+ is of the fleet\n$/) });
    // Where it joined it knows by itself.
    AgentProgram.start(["--data-dir", dataDir, "--name", "tls-node"]);
    await waitFor(
      "the node to be online",
      async () => (await coordinator.client.getNode("tls-node")).link === "online",
    );
  });

  test.each([
    ["another authority", false],
    ["the true authority's name and another's signature", true],
  ])("does not join an impostor of %s, and says why", async (_case, isDisguised) => {
    await using impostor = await startImpostor(isDisguised ? { authorityPem } : {});
    const { token } = await trusted();
    const url = `https://localhost:${impostor.port}`;
    const dataDir = aFolder();
    const words = ["--coordinator", url, "--data-dir", dataDir, "join", "--token", token];
    const { exitCode, said } = await AgentProgram.run(words, TRUST_ANYBODY);
    expect(exitCode).toBe(1);
    expect(said).toMatch(/^drover-agent: tls\.untrusted: [^\n]+somebody may stand in between\.\n$/m);
    expect(impostor.heard()).toBe("");
    expect(readdirSync(dataDir)).not.toContain("fleet.json");
  });

  test("that has joined says nothing to an impostor on its WebSocket, and its log says why", async () => {
    await using impostor = await startImpostor({ authorityPem });
    const dataDir = aFolder();
    const { token } = await trusted();
    await AgentProgram.run(["--coordinator", coordinator.url, "--data-dir", dataDir, "join", "--token", token]);
    const words = ["--coordinator", `https://localhost:${impostor.port}`, "--data-dir", dataDir];
    const agent = AgentProgram.start(words, TRUST_ANYBODY);
    await agent.untilSaid('"agent.disconnected"');
    expect(agent.said).toContain("tls.untrusted: What answered showed no certificate that this machine trusts");
    expect([impostor.handshakes() > 0, impostor.heard()]).toEqual([true, ""]);
  });

  test("that has joined over TLS cannot be talked into plain http", async () => {
    const dataDir = aFolder();
    const { token } = await trusted();
    await AgentProgram.run(["--coordinator", coordinator.url, "--data-dir", dataDir, "join", "--token", token]);
    const plain = await AgentProgram.run(["--coordinator", "http://127.0.0.1:1", "--data-dir", dataDir]);
    expect(plain).toMatchObject({ exitCode: 1, said: expect.stringContaining("has joined its fleet over https") });
  });
});
