import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { runDrover } from "../main.ts";
import { captureShell } from "../testing/captured-shell.ts";
import { sendJson, sendProblem, startFakeCoordinator, type FakeCoordinator } from "../testing/fake-coordinator.ts";

const TOKEN = `drv_${"a".repeat(43)}`;
const OTHER = `drv_${"b".repeat(43)}`;
const MADE = { name: "anna", role: "user", createdAt: "2026-01-02T03:04:05.000Z", createdBy: "admin", revokedAt: null };

let coordinator: FakeCoordinator;
let folder: string;

beforeEach(async () => {
  coordinator = await startFakeCoordinator();
  coordinator.on("GET /v1/nodes", (_request, response) => sendJson(response, { nodes: [] }));
  folder = mkdtempSync(join(tmpdir(), "drover-cli-token-"));
  mkdirSync(join(folder, "coordinator"));
});
afterEach(async () => {
  await coordinator.kill();
  rmSync(folder, { recursive: true });
});

/** With an environment in which no token lies where one is looked for. */
async function drover(words: string[], env: Record<string, string> = {}) {
  const shell = captureShell({ env: { DROVER_LOCAL_DATA: folder, ...env } });
  const exitCode = await runDrover(["--coordinator", coordinator.url, ...words], shell);
  return { exitCode, stdout: shell.stdout(), stderr: shell.stderr() };
}

function shown(): (string | undefined)[] {
  return coordinator.requests.map(({ headers }) => headers.authorization);
}

function writeLocalToken(text: string): void {
  writeFileSync(join(folder, "coordinator", "local-token"), `${text}\n`);
}

describe("the token that goes along", () => {
  test("is that of DROVER_TOKEN before that of DROVER_TOKEN_FILE, and that before the local one", async () => {
    const file = join(folder, "token");
    writeFileSync(file, `${OTHER}\n`);
    writeLocalToken(`drv_${"c".repeat(43)}`);
    await drover(["nodes"], { DROVER_TOKEN: TOKEN, DROVER_TOKEN_FILE: file });
    await drover(["nodes"], { DROVER_TOKEN_FILE: file });
    await drover(["nodes"]);
    expect(shown()).toEqual([`Bearer ${TOKEN}`, `Bearer ${OTHER}`, `Bearer drv_${"c".repeat(43)}`]);
  });

  test("is none where none is found", async () => {
    await drover(["nodes"]);
    writeLocalToken("not a token");
    await drover(["nodes"]);
    expect(shown()).toEqual([undefined, undefined]);
  });

  test("that is cut or cannot be read is a mistake of the command, and is not shown", async () => {
    const cut = TOKEN.slice(0, 30);
    const { exitCode, stderr } = await drover(["nodes"], { DROVER_TOKEN: cut });
    expect({ exitCode, stderr }).toEqual({
      exitCode: 2,
      stderr: "drover: what DROVER_TOKEN holds is no token; one begins with drv_ and has 47 characters\n",
    });
    const missing = await drover(["nodes"], { DROVER_TOKEN_FILE: join(folder, "no-such-file") });
    expect(missing).toMatchObject({ exitCode: 2, stderr: expect.stringContaining("cannot be read") });
    expect(coordinator.requests).toEqual([]);
  });
});

test("a token is not sent in clear text to another machine", async () => {
  const shell = captureShell({ env: { DROVER_TOKEN: TOKEN } });
  expect(await runDrover(["--coordinator", "http://coordinator.example:7070", "nodes"], shell)).toBe(2);
  expect(shell.stderr()).toMatch(/^drover: coordinator\.example is not this machine, and over http: your token/);
});

describe("drover token", () => {
  test("create prints the token alone on stdout", async () => {
    coordinator.on("POST /v1/tokens", (_request, response) => sendJson(response, { ...MADE, token: TOKEN }, 201));
    const { exitCode, stdout, stderr } = await drover(["token", "create", "anna", "--role", "user"]);
    expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: `${TOKEN}\n` });
    expect(stderr).toContain("shown this once");
    expect(stderr).not.toContain(TOKEN);
    expect(coordinator.requests[0]?.body).toEqual({ name: "anna", role: "user" });
  });

  test("create wants a role that there is", async () => {
    expect(await drover(["token", "create", "anna"])).toMatchObject({ exitCode: 2 });
    expect(await drover(["token", "create", "anna", "--role", "root"])).toMatchObject({ exitCode: 2 });
    expect(coordinator.requests).toEqual([]);
  });

  test("list and revoke say what there is and what was done", async () => {
    coordinator.on("GET /v1/tokens", (_request, response) => sendJson(response, { tokens: [MADE] }));
    coordinator.on("POST /v1/tokens/anna/revoke", (_request, response) =>
      sendJson(response, { ...MADE, revokedAt: MADE.createdAt }),
    );
    expect((await drover(["token", "list"])).stdout).toMatch(
      /^NAME +ROLE +MADE +BY +REVOKED\nanna +user .* admin +-\n$/,
    );
    expect((await drover(["token", "revoke", "anna"])).stdout).toBe("the token of anna is revoked\n");
  });
});

describe("drover audit", () => {
  test("shows who did what, and asks for what was denied alone", async () => {
    const entry = { id: 7, at: MADE.createdAt, actor: null, role: null, action: "job.list", target: null };
    const denied = { ...entry, address: "192.0.2.1", verdict: "denied", code: "access.tokenInvalid" };
    coordinator.on("GET /v1/audit", (_request, response) =>
      sendJson(response, { entries: [denied], nextBefore: null }),
    );
    const { stdout } = await drover(["audit", "--denied", "--limit", "5"]);
    expect(stdout).toBe(
      "WHEN                  WHO  FROM       ACTION    TARGET  VERDICT\n" +
        "2026-01-02T03:04:05Z  -    192.0.2.1  job.list  -       denied: access.tokenInvalid\n",
    );
    expect(coordinator.requests[0]?.query.toString()).toBe("limit=5&verdict=denied");
  });

  test("says what role it takes", async () => {
    coordinator.on("GET /v1/audit", (_request, response) =>
      sendProblem(response, "access.forbidden", "audit.read takes the role admin; the token anna has the role user."),
    );
    const { exitCode, stderr } = await drover(["audit"]);
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(/^drover: audit\.read takes the role admin; the token anna has the role user; use /);
  });
});
