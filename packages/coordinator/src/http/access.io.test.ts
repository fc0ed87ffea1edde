import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "better-sqlite3";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { AuditList } from "@drover/shared/api/access.ts";
import type { Problem } from "@drover/shared/api/problem.ts";
import { ROUTES, type RouteAccess } from "@drover/shared/api/routes.ts";
import { createClient, type DroverClient } from "@drover/shared/client/client.ts";
import { ROLES, roleIncludes, type Role } from "@drover/shared/domain/role.ts";
import { RunningCoordinator } from "../testing/running-coordinator.ts";
import { resetAdmin } from "../token-command.ts";

const SECRET_VALUE = "s3cr3t-of-annas-job";
const JOB = { command: ["true"], resources: { gpus: 9 }, env: { PASSWORD: SECRET_VALUE } };

let coordinator: RunningCoordinator;
const artifactsDir = mkdtempSync(join(tmpdir(), "drover-artifacts-"));
/** One token of each role, under the role's name. */
const tokens = new Map<Role, string>();
/** All that were ever used, wrong ones too. */
const secrets = new Set<string>();

beforeAll(async () => {
  for (const name of ["install.sh", "SHA256SUMS", "no-such-name"]) writeFileSync(join(artifactsDir, name), "");
  coordinator = await RunningCoordinator.start(undefined, { artifactsDir });
  await coordinator.connectAgent(1);
  for (const role of ROLES) tokens.set(role, await newToken(`the-${role}`, role));
});
afterAll(async () => {
  await coordinator[Symbol.asyncDispose]();
  rmSync(artifactsDir, { recursive: true });
});

async function newToken(name: string, role: Role): Promise<string> {
  const { token } = await coordinator.client.createToken({ name, role });
  secrets.add(token);
  return token;
}

function clientWith(token: string): DroverClient {
  return createClient(coordinator.url, { token: () => token });
}

function clientOf(role: Role): DroverClient {
  return clientWith(tokens.get(role) ?? "");
}

/** Without any header of its own. */
function request(path: string, init: RequestInit = {}): Promise<Response> {
  return fetch(new URL(path, coordinator.url), init);
}

function withToken(token: string): { headers: Record<string, string> } {
  secrets.add(token);
  return { headers: { authorization: `Bearer ${token}` } };
}

async function codeOf(answer: Response | Promise<Response>): Promise<string | null> {
  const response = await answer;
  const text = await response.text();
  return response.ok ? null : (JSON.parse(text) as Problem).code;
}

describe("every route", () => {
  const BODIES: Record<string, object> = {
    "POST /v1/jobs": JOB,
    "PUT /v1/nodes/:id/admin": { admin: "schedulable" },
    "POST /v1/models": { name: "a-model", reference: "no-reference" },
    "POST /v1/tokens": { name: "the-viewer", role: "viewer" },
  };

  async function ask(route: string, jobId: number, token: string | null): Promise<string | null> {
    const [method = "", path = ""] = route.split(" ");
    const id = path.startsWith("/v1/jobs") ? String(jobId) : "no-such-node";
    const headers: Record<string, string> = token === null ? {} : { authorization: `Bearer ${token}` };
    const init: RequestInit = { method, headers };
    if (BODIES[route]) {
      headers["content-type"] = "application/json";
      init.body = JSON.stringify(BODIES[route]);
    }
    return codeOf(request(path.replace(":id", id).replace(/:(?:name|file)/, "no-such-name"), init));
  }

  describe.each(Object.entries<RouteAccess>(ROUTES))("%s", (route, access) => {
    test("is there", async () => {
      const { id } = await coordinator.client.submitJob(JOB);
      expect(await ask(route, id, coordinator.token)).not.toBe("route.notFound");
    });

    test("without a token", async () => {
      if (route.startsWith("GET "))
        expect((await request(route.slice(4).replace(":file", "no-such-name"), { method: "HEAD" })).ok).toBe(
          access.role === null,
        );
      const code = await ask(route, 1, null);
      if (access.role === null) expect(code ?? "").not.toMatch(/^access\./);
      else expect(code).toBe("access.tokenMissing");
    });

    test.each(ROLES)("as %s", async (role) => {
      // Somebody else's job: what is theirs is another matter.
      const { id } = await coordinator.client.submitJob(JOB);
      const code = await ask(route, id, tokens.get(role) ?? "");
      const may = access.role === null || roleIncludes(role, access.role);
      if (!may) expect(code).toBe("access.forbidden");
      else if (access.ownJobsOnly && role === "user") expect(code).toBe("access.notYourJob");
      else expect(code ?? "").not.toMatch(/^access\./);
    });
  });
});

describe("the OpenAPI document", () => {
  test("says of each route whether it takes a token", async () => {
    const document = (await (await request("/openapi.json")).json()) as {
      security: unknown;
      paths: Record<string, Record<string, { security?: unknown[] }>>;
    };
    expect(document.security).toEqual([{ token: [] }]);
    for (const [route, access] of Object.entries<RouteAccess>(ROUTES)) {
      const [method = "", path = ""] = route.split(" ");
      const described = document.paths[path.replaceAll(/:(\w+)/g, "{$1}")]?.[method.toLowerCase()];
      if (path === "/openapi.json") continue;
      expect(described, route).toBeDefined();
      expect(described?.security, route).toEqual(access.role === null ? [] : undefined);
    }
  });
});

describe("a token", () => {
  test.each([
    ["in the query", (token: string) => request(`/v1/jobs?token=${token}`)],
    ["as a cookie", (token: string) => request("/v1/jobs", { headers: { cookie: `token=${token}` } })],
    [
      "as a password",
      (token: string) =>
        request("/v1/jobs", { headers: { authorization: `Basic ${Buffer.from(`x:${token}`).toString("base64")}` } }),
    ],
  ])("is not taken %s", async (_where, ask) => {
    expect(await codeOf(ask(tokens.get("admin") ?? ""))).toBe("access.tokenMissing");
  });

  test("is told once, and works over a restart until it is revoked", async () => {
    const token = await newToken("short-lived", "viewer");
    expect(JSON.stringify(await coordinator.client.listTokens())).not.toContain(token);
    await coordinator.restart();
    await clientWith(token).listJobs();
    await coordinator.client.revokeToken("short-lived");
    await expect(clientWith(token).listJobs()).rejects.toMatchObject({ code: "access.tokenInvalid" });
    await expect(coordinator.client.revokeToken("short-lived")).rejects.toMatchObject({ code: "token.notFound" });
    await coordinator.restart();
    await expect(clientWith(token).listJobs()).rejects.toMatchObject({ code: "access.tokenInvalid" });
  });

  test("that is revoked takes the answers with it that are still being given", async () => {
    const token = await newToken("follower", "viewer");
    const stream = await request("/v1/events?follow=true", withToken(token));
    expect(stream.status).toBe(200);
    const end = stream.text();
    await coordinator.client.revokeToken("follower");
    await expect(end).rejects.toThrow();
  });

  test.each(["the-user", "admin", "local", "machine"])("cannot have the name %s, which is taken", async (name) => {
    const creation = coordinator.client.createToken({ name, role: "viewer" });
    await expect(creation).rejects.toMatchObject({ code: "token.nameTaken" });
  });
});

describe("a job", () => {
  test("is its submitter's: others with the role user neither cancel nor read it", async () => {
    const anna = clientWith(await newToken("anna", "user"));
    const { id, submittedBy } = await anna.submitJob(JOB);
    expect(submittedBy).toBe("anna");
    await expect(clientOf("user").cancelJob(id)).rejects.toMatchObject({ code: "access.notYourJob" });
    await expect(clientOf("user").readOutput(id)).rejects.toMatchObject({ code: "access.notYourJob" });
    expect((await anna.cancelJob(id)).cancelRequested).toBe(true);
  });

  test("shows the values of its environment to its submitter and to operators", async () => {
    const anna = clientWith(await newToken("anna.two", "user"));
    const { id } = await anna.submitJob(JOB);
    for (const client of [anna, clientOf("operator"), clientOf("admin")])
      expect((await client.getJob(id)).spec.env).toEqual({ PASSWORD: SECRET_VALUE });
    for (const client of [clientOf("viewer"), clientOf("user")])
      expect((await client.getJob(id)).spec.env).toEqual({ PASSWORD: "(hidden)" });
  });

  test("that does not exist is not found, by users too", async () => {
    await expect(clientOf("user").cancelJob(999_999)).rejects.toMatchObject({ code: "job.notFound" });
  });
});

describe("the audit trail", () => {
  test("says who did what to which thing, from where, over a restart", async () => {
    const { id } = await clientOf("user").submitJob(JOB);
    await clientOf("operator").cancelJob(id);
    await coordinator.restart();
    const { entries } = await coordinator.client.readAudit({ actor: "the-operator", limit: 1 });
    expect(entries).toMatchObject([
      {
        actor: "the-operator",
        role: "operator",
        action: "job.cancel",
        target: String(id),
        address: "127.0.0.1",
        verdict: "allowed",
        code: null,
      },
    ]);
  });

  test("says what was denied, and the log says it too", async () => {
    await expect(clientOf("viewer").createToken({ name: "mine", role: "admin" })).rejects.toThrow();
    const { entries } = await coordinator.client.readAudit({ verdict: "denied", limit: 1 });
    const denied = { actor: "the-viewer", action: "token.create", verdict: "denied", code: "access.forbidden" };
    expect(entries).toMatchObject([denied]);
    expect(coordinator.logLines).toContainEqual(
      expect.objectContaining({ event: "access.denied", actor: "the-viewer", action: "token.create" }),
    );
  });

  test("comes page by page", async () => {
    const first = await coordinator.client.readAudit({ limit: 2 });
    const second = await coordinator.client.readAudit({ limit: 2, before: first.nextBefore ?? 0 });
    const ids = [...first.entries, ...second.entries].map(({ id }) => id);
    expect(ids).toEqual(ids.toSorted((a, b) => b - a));
    expect(new Set(ids).size).toBe(4);
  });

  test.each(["update audit set actor = 'nobody'", "delete from audit"])("refuses: %s", (sql) => {
    using database = openDatabase();
    expect(() => database.value.exec(sql)).toThrow("append-only");
  });
});

function openDatabase() {
  const value = new Database(join(coordinator.dataDir, "drover.db"));
  return { value, [Symbol.dispose]: () => void value.close() };
}

describe("on the coordinator's machine", () => {
  test("token reset-admin exchanges the admin token of a coordinator that runs", async () => {
    const [first, second] = [resetAdmin(coordinator.dataDir), resetAdmin(coordinator.dataDir)];
    for (const token of [first, second]) secrets.add(token);
    await expect(clientWith(first).listTokens()).rejects.toMatchObject({ code: "access.tokenInvalid" });
    const { tokens: all } = await clientWith(second).listTokens();
    expect(all.filter(({ name, revokedAt }) => name === "admin" && revokedAt === null)).toHaveLength(1);
    const { entries } = await coordinator.client.readAudit({ action: "token.resetAdmin" });
    expect(entries.map(({ actor, address }) => [actor, address])).toEqual([
      ["machine", null],
      ["machine", null],
    ]);
  });

  test("a local token that others can read is replaced", async () => {
    const before = coordinator.token;
    secrets.add(before);
    await coordinator.restart();
    expect(coordinator.token).toBe(before);
    chmodSync(join(coordinator.dataDir, "local-token"), 0o644);
    await coordinator.restart();
    expect(coordinator.token).not.toBe(before);
    await coordinator.client.listTokens();
    await expect(clientWith(before).listTokens()).rejects.toMatchObject({ code: "access.tokenInvalid" });
  });
});

describe("10,000 wrong tokens", () => {
  test("are locked out after ten, hinder nobody who has a right one, and leave ten lines", async () => {
    // A window of its own for this test.
    await coordinator.restart();
    const deniedBefore = await countDenied();
    const codes = new Map<string, number>();
    let count = 0;
    async function guess(): Promise<void> {
      while (count < 10_000) {
        const wrong = `drv_${String(count++).padStart(43, "A")}`;
        const code = String(await codeOf(request("/v1/jobs", withToken(wrong))));
        codes.set(code, (codes.get(code) ?? 0) + 1);
        if (count % 1000 === 0) await clientOf("viewer").listJobs();
      }
    }
    await Promise.all(Array.from({ length: 16 }, guess));
    expect(Object.fromEntries(codes)).toEqual({ "access.tokenInvalid": 10, "access.lockedOut": 9_990 });
    const locked = await request("/v1/jobs", withToken("drv_wrong"));
    expect(locked.status).toBe(429);
    expect(Number(locked.headers.get("retry-after"))).toBeGreaterThan(0);
    expect((await countDenied()) - deniedBefore).toBe(10);
    expect(coordinator.logLines.filter(({ event }) => event === "access.lockedOut")).toHaveLength(1);
  }, 90_000);

  async function countDenied(): Promise<number> {
    const answer = await coordinator.request("/v1/audit?verdict=denied&limit=500");
    return AuditList.parse(await answer.json()).entries.filter(({ code }) => code === "access.tokenInvalid").length;
  }
});

describe("no token", () => {
  test("is in a log line, an event, the audit trail or any file but the one for it", async () => {
    // The mistake that people make.
    const pasted = tokens.get("user") ?? "";
    await expect(coordinator.client.revokeToken(pasted)).rejects.toThrow();
    await request(`/v1/nodes/${pasted}`, withToken(tokens.get("viewer") ?? ""));
    await coordinator.stop();
    const files = readdirSync(coordinator.dataDir, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && entry.name !== "local-token")
      .map((entry) => join(entry.parentPath, entry.name));
    const written = [...files.map((file) => readFileSync(file)), Buffer.from(JSON.stringify(coordinator.logLines))];
    expect(files.length).toBeGreaterThan(0);
    secrets.add(coordinator.token);
    const found = [...secrets].filter((secret) => written.some((bytes) => bytes.includes(secret.slice(0, 20))));
    // Those that differ only behind their twentieth character are found by it all the same.
    expect(found).toEqual([]);
    await coordinator.restart();
  }, 60_000);
});
