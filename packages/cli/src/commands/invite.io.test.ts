import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { runDrover } from "../main.ts";
import { captureShell } from "../testing/captured-shell.ts";
import { sendJson, startFakeCoordinator, type FakeCoordinator } from "../testing/fake-coordinator.ts";

const MADE_AT = "2026-01-02T03:04:05.000Z";
const INVITE = {
  id: "abcdefghij",
  site: null,
  labels: {},
  namePattern: null,
  needsApproval: false,
  uses: 1,
  usedCount: 0,
  createdAt: MADE_AT,
  createdBy: "admin",
  expiresAt: "2999-01-02T03:04:05.000Z",
  revokedAt: null,
};
const TOKEN = `drv1.${"f".repeat(43)}.abcdefghij.${"s".repeat(43)}`;

let coordinator: FakeCoordinator;
beforeEach(async () => {
  coordinator = await startFakeCoordinator();
});
afterEach(() => coordinator.kill());

async function drover(...words: string[]) {
  const shell = captureShell({ env: {} });
  const exitCode = await runDrover(["--coordinator", coordinator.url, ...words], shell);
  return { exitCode, stdout: shell.stdout(), stderr: shell.stderr() };
}

describe("drover invite", () => {
  test.each([
    ["pins the key of a certificate that nobody vouches for", "cGlu=", "curl -fsSk --pinnedpubkey 'sha256//cGlu='"],
    ["leaves it to the machine where it knows whom to trust", null, "curl -fsS"],
  ])("prints the token and the line that installs with it, which %s", async (_case, publicKeyPin, curl) => {
    const created = { ...INVITE, token: TOKEN, coordinatorUrl: "https://coord.example:7070", publicKeyPin };
    coordinator.on("POST /v1/invites", (_request, response) => sendJson(response, created, 201));
    const { exitCode, stdout, stderr } = await drover("invite");
    expect({ exitCode, stdout }).toEqual({
      exitCode: 0,
      stdout: `${TOKEN}\n${curl} https://coord.example:7070/install.sh | DROVER_JOIN_TOKEN=${TOKEN} sudo --preserve-env=DROVER_JOIN_TOKEN sh\n`,
    });
    expect(stderr).toContain("one machine can join until 2999");
    expect(stderr).not.toContain(TOKEN);
  });

  test("asks for what it was told", async () => {
    coordinator.on("POST /v1/invites", (_request, response) =>
      sendJson(response, { ...INVITE, token: TOKEN, coordinatorUrl: "https://c", publicKeyPin: null }, 201),
    );
    const words = [
      "--site",
      "lab",
      "--labels",
      "team=vision,rack=3",
      "--name",
      "gpu-*",
      "--uses",
      "10",
      "--expires",
      "1h",
    ];
    await drover("invite", ...words, "--approve");
    expect(coordinator.requests[0]?.body).toEqual({
      site: "lab",
      labels: { team: "vision", rack: "3" },
      namePattern: "gpu-*",
      uses: 10,
      expires: 3_600_000,
      needsApproval: true,
    });
  });

  test("list and revoke say what there is and what was done", async () => {
    const used = { ...INVITE, id: "klmnopqrst", usedCount: 1 };
    coordinator.on("GET /v1/invites", (_request, response) => sendJson(response, { invites: [INVITE, used] }));
    coordinator.on("POST /v1/invites/klmnopqrst/revoke", (_request, response) =>
      sendJson(response, { ...used, revokedAt: MADE_AT }),
    );
    const { stdout } = await drover("invite", "list");
    expect(stdout).toMatch(/^ID +USED +STATE .*\nabcdefghij +0\/1 +good, ends in .*\nklmnopqrst +1\/1 +used up .*\n$/);
    expect((await drover("invite", "revoke", "klmnopqrst")).stdout).toBe(
      "the join token klmnopqrst is revoked; 1 joined by it, and stay\n",
    );
  });
});

test("drover nodes --pending shows who waits, what nobody used and who failed", async () => {
  const waiting = { nodeId: "node-abcdefghijkl", name: "gpu-01", state: "pending", site: null, labels: {} };
  const failure = { address: "203.0.113.9", code: "join.tokenExpired", reason: "It was good until then.", count: 3 };
  coordinator.on("GET /v1/enrolments/pending", (_request, response) =>
    sendJson(response, {
      waiting: [{ ...waiting, inviteId: "abcdefghij", address: "192.0.2.1", joinedAt: MADE_AT }],
      unusedInvites: [INVITE],
      failures: [{ ...failure, firstAt: MADE_AT, lastAt: MADE_AT }],
    }),
  );
  const { stdout } = await drover("nodes", "--pending");
  for (const part of [
    "drover node approve",
    "gpu-01",
    "192.0.2.1",
    "abcdefghij  ",
    "203.0.113.9",
    "3",
    "join.tokenExpired: It was",
  ])
    expect(stdout).toContain(part);
});

test("drover node approve and remove say what became of it", async () => {
  const enrolment = {
    nodeId: "node-abcdefghijkl",
    name: "gpu-01",
    site: null,
    labels: {},
    inviteId: null,
    address: null,
  };
  for (const [word, state] of [
    ["approve", "enrolled"],
    ["remove", "removed"],
  ] as const)
    coordinator.on(`POST /v1/nodes/gpu-01/${word}`, (_request, response) =>
      sendJson(response, { ...enrolment, state, joinedAt: MADE_AT }),
    );
  expect((await drover("node", "approve", "gpu-01")).stdout).toBe("node gpu-01 is let in\n");
  expect((await drover("node", "remove", "gpu-01")).stdout).toMatch(/^node gpu-01 is removed; what ran there /);
});
