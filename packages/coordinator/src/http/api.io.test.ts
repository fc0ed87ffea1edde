import { NodeLoad } from "@drover/shared/domain/node.ts";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Job, JobDetail, JobList } from "@drover/shared/api/jobs.ts";
import { NodeDetail, NodeList } from "@drover/shared/api/nodes.ts";
import { Problem } from "@drover/shared/api/problem.ts";
import { ROUTES } from "@drover/shared/api/routes.ts";
import { RunningCoordinator } from "../testing/running-coordinator.ts";

let coordinator: RunningCoordinator;
beforeAll(async () => {
  coordinator = await RunningCoordinator.start();
});
afterAll(() => coordinator[Symbol.asyncDispose]());

const NO_OP = { command: ["true"] };

async function problemOf(response: Response | Promise<Response>): Promise<Problem> {
  const answer = await response;
  expect(answer.headers.get("content-type")).toContain("application/problem+json");
  const problem = Problem.parse(await answer.json());
  expect(problem.status).toBe(answer.status);
  return problem;
}

describe("bad input gets a problem document that says what to do", () => {
  const cases: [what: string, body: unknown, status: number, code: string, says: RegExp][] = [
    ["malformed JSON", "{", 400, "request.malformedJson", /./],
    ["an empty body", "", 400, "request.malformedJson", /./],
    ["a body that is no object", "[]", 400, "request.invalid", /a job is written as fields/],
    ["an unknown field", { ...NO_OP, replicas: 3 }, 400, "request.invalid", /replicas/],
    ["no command", {}, 400, "request.invalid", /exactly one of command and script/],
    [
      "both command and script",
      { ...NO_OP, script: "true" },
      400,
      "request.invalid",
      /exactly one of command and script/,
    ],
    [
      "an impossible memory",
      { ...NO_OP, resources: { memory: "lots" } },
      400,
      "request.invalid",
      /"lots" is not a size/,
    ],
    ["a memory without its unit", { ...NO_OP, resources: { memory: "64G" } }, 400, "request.invalid", /"64GiB"/],
    ["an impossible array", { ...NO_OP, array: { size: 1e9 } }, 400, "request.invalid", /array\.size.*100000/],
    ["an impossible timeout", { ...NO_OP, timeout: "soon" }, 400, "request.invalid", /"soon" is not a duration/],
    ["a GPU and a half", { ...NO_OP, resources: { gpus: 1.5 } }, 400, "request.invalid", /gpus/],
    ["a NUL in the command", { command: ["a\0b"] }, 400, "request.invalid", /NUL/],
    ["a relative workDir", { ...NO_OP, workDir: "here" }, 400, "request.invalid", /absolute path/],
    ["a variable that Drover sets", { ...NO_OP, env: { DROVER_JOB_ID: "1" } }, 400, "request.invalid", /set by Drover/],
    ["a body over 1 MiB", { command: ["x".repeat(1024 * 1024)] }, 413, "request.tooLarge", /./],
  ];
  test.each(cases)("%s", async (_what, body, status, code, says) => {
    const problem = await problemOf(coordinator.post("/v1/jobs", body));
    expect(problem).toMatchObject({ status, code });
    expect(problem.detail).toMatch(says);
    expect(problem.advice).not.toBe("");
  });

  test.each([
    [
      "another content type",
      "/v1/jobs",
      { method: "POST", headers: { "content-type": "text/plain" }, body: "{}" },
      "request.unsupportedMediaType",
    ],
    ["an unknown path", "/v1/nothing", {}, "route.notFound"],
    ["an unknown method", "/v1/jobs", { method: "DELETE" }, "route.notFound"],
    ["a job that is not there", "/v1/jobs/999999", {}, "job.notFound"],
    ["a job id that is no number", "/v1/jobs/latest", {}, "request.invalid"],
    ["the cancel of a job that is not there", "/v1/jobs/999999/cancel", { method: "POST" }, "job.notFound"],
    ["the output of a job that is not there", "/v1/jobs/999999/output", {}, "job.notFound"],
    ["a node that is not there", "/v1/nodes/nobody", {}, "node.notFound"],
    ["a site that is not there", "/v1/sites/atlantis/gone", { method: "POST" }, "site.notFound"],
    ["an unknown query parameter", "/v1/jobs?colour=red", {}, "request.invalid"],
    ["an impossible state", "/v1/jobs?state=sleeping", {}, "request.invalid"],
    ["a foreign cursor", "/v1/jobs?cursor=abc", {}, "request.invalid"],
  ])("%s", async (_what, path, init, code) => {
    expect(await problemOf(coordinator.request(path, init))).toMatchObject({ code });
  });

  test("a name that resolves to loopback but is not ours", async () => {
    const { request } = await import("node:http");
    const { port } = new URL(coordinator.url);
    const status = await new Promise((resolve, reject) => {
      request({ host: "127.0.0.1", port, path: "/v1/jobs", headers: { host: "evil.example" } }, (answer) =>
        resolve(answer.statusCode),
      )
        .on("error", reject)
        .end();
    });
    expect(status).toBe(403);
  });
});

describe("jobs", () => {
  test("are answered with 201 and where they are", async () => {
    const response = await coordinator.post("/v1/jobs", {
      ...NO_OP,
      name: "first",
      resources: { memory: "2GiB", cpus: 1.5 },
      timeout: "90m",
    });
    expect(response.status).toBe(201);
    const job = Job.parse(await response.json());
    expect(response.headers.get("location")).toBe(`/v1/jobs/${job.id}`);
    expect(job.spec).toMatchObject({
      timeoutMs: 5_400_000,
      resources: { cpuMilli: 1500, memoryBytes: 2 * 1024 ** 3, gpuCount: 0 },
    });
  });

  test("are made once per idempotency key, over a restart too", async () => {
    const key = { "idempotency-key": "once" };
    const first = Job.parse(await (await coordinator.post("/v1/jobs", NO_OP, key)).json());
    await coordinator.restart();
    const again = await coordinator.post("/v1/jobs", NO_OP, key);
    expect(again.status).toBe(200);
    expect(Job.parse(await again.json()).id).toBe(first.id);
    const other = await problemOf(coordinator.post("/v1/jobs", { command: ["false"] }, key));
    expect(other).toMatchObject({ status: 422, code: "idempotency.mismatch" });
  });

  test("are listed newest first, page by page, without gap or repetition", async () => {
    const name = "paged";
    const ids: number[] = [];
    for (let i = 0; i < 5; i++)
      ids.unshift(Job.parse(await (await coordinator.post("/v1/jobs", { ...NO_OP, name })).json()).id);
    const seen: number[] = [];
    for (let cursor: string | null = ""; cursor !== null;) {
      const query: string = cursor === "" ? "" : `&cursor=${cursor}`;
      const page: JobList = JobList.parse(
        await (await coordinator.request(`/v1/jobs?name=${name}&limit=2${query}`)).json(),
      );
      seen.push(...page.jobs.map((job) => job.id));
      cursor = page.nextCursor;
    }
    expect(seen).toEqual(ids);
  });

  test("are found by label and by state", async () => {
    const labels = { sweep: "7", "team/a": "vision" };
    const job = Job.parse(await (await coordinator.post("/v1/jobs", { ...NO_OP, labels })).json());
    await coordinator.post("/v1/jobs", { ...NO_OP, labels: { sweep: "8" } });
    const idsFor = async (query: string) =>
      JobList.parse(await (await coordinator.request(`/v1/jobs?${query}`)).json()).jobs.map(({ id }) => id);
    expect(await idsFor("label=sweep%3D7")).toEqual([job.id]);
    expect(await idsFor("label=team/a")).toEqual([job.id]);
    expect(await idsFor("label=sweep")).toHaveLength(2);
    await coordinator.request(`/v1/jobs/${job.id}/cancel`, { method: "POST" });
    expect(await idsFor("label=sweep%3D7&state=canceled")).toEqual([job.id]);
  });

  test("say why each queued task waits", async () => {
    const job = Job.parse(
      await (await coordinator.post("/v1/jobs", { ...NO_OP, resources: { gpus: 64 }, array: { size: 2 } })).json(),
    );
    const detail = JobDetail.parse(await (await coordinator.request(`/v1/jobs/${job.id}`)).json());
    expect(detail.waiting?.code).toBe("noNodes");
    expect(detail.tasks.map((task) => task.waitingReason?.code)).toEqual(["noNodes", "noNodes"]);
  });

  test("with many tasks show them a page at a time", async () => {
    const job = Job.parse(await (await coordinator.post("/v1/jobs", { ...NO_OP, array: { size: 1500 } })).json());
    const first = JobDetail.parse(await (await coordinator.request(`/v1/jobs/${job.id}`)).json());
    expect([first.tasks.length, first.nextTask]).toEqual([1000, 1000]);
    const second = JobDetail.parse(await (await coordinator.request(`/v1/jobs/${job.id}?fromTask=1000`)).json());
    expect([second.tasks.length, second.nextTask]).toEqual([500, null]);
  });
});

describe("nodes", () => {
  test("are shown with what they hold, by id and by name", async () => {
    const agent = await coordinator.connectAgent(7);
    const nodes = NodeList.parse(await (await coordinator.request("/v1/nodes")).json());
    expect(nodes.nodes.map((node) => [node.name, node.link])).toEqual([["node7", "online"]]);
    const node = NodeDetail.parse(await (await coordinator.request("/v1/nodes/node7")).json());
    expect(NodeDetail.parse(await (await coordinator.request(`/v1/nodes/${node.id}`)).json()).name).toBe("node7");
    expect(node.attempts.length).toBe(node.attemptCount);
    agent.cut();
  });

  test("are cordoned, drained and uncordoned with a reason, which a restart does not forget", async () => {
    await using own = await RunningCoordinator.start();
    const agent = await own.connectAgent(1);
    const load = NodeLoad.parse({ load1: 0, memoryAvailableBytes: 0, dataDiskFreeBytes: 0 });
    const cordoned = await own.client.setNodeAdmin("node1", { admin: "cordoned", reason: "fans are loud" });
    expect(cordoned).toMatchObject({ admin: "cordoned", adminReason: "fans are loud", adminActor: "local" });
    const job = await own.client.submitJob({ command: ["true"] });
    expect((await own.client.getJob(job.id)).waiting?.message).toContain("node1 is cordoned");

    const draining = await own.client.setNodeAdmin("node1", {
      admin: "draining",
      reason: "a new disk",
      deadline: "2h",
    });
    const inMs = Date.parse(draining.drainDeadline ?? "") - Date.now();
    expect(inMs).toBeGreaterThan(7_100_000);
    expect(inMs).toBeLessThan(7_300_000);
    await own.restart();
    expect(await own.client.getNode("node1")).toEqual(
      expect.objectContaining({
        link: "disconnected",
        admin: "draining",
        adminReason: "a new disk",
        adminSince: draining.adminSince,
        drainDeadline: draining.drainDeadline,
      }),
    );
    agent.cut();
    const again = await own.connectAgent(1);
    again.send({ type: "heartbeat", sequence: 1, load, attemptCount: 0 });
    await expect.poll(async () => (await own.client.getNode("node1")).admin, { timeout: 10_000 }).toBe("drained");
    expect(await own.client.setNodeAdmin("node1", { admin: "schedulable" })).toMatchObject({
      admin: "schedulable",
      drainDeadline: null,
    });
    await again.assigned();
  });

  test.each([
    ["a state that it comes to by itself", { admin: "drained" }, /admin/],
    ["a deadline without a drain", { admin: "cordoned", deadline: "2h" }, /only a drain has a deadline/],
    ["a deadline that is none", { admin: "draining", deadline: "soon" }, /"soon" is not a duration/],
    ["an empty reason", { admin: "cordoned", reason: "" }, /reason/],
    ["an unknown field", { admin: "cordoned", until: "tomorrow" }, /until/],
  ])("refuse %s", async (_what, body, says) => {
    const agent = await coordinator.connectAgent(7);
    const init = { method: "PUT", headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
    const problem = await problemOf(coordinator.request("/v1/nodes/node7/admin", init));
    expect(problem).toMatchObject({ status: 400, code: "request.invalid" });
    expect(problem.detail).toMatch(says);
    agent.cut();
  });

  test("that share a name must be asked for by id", async () => {
    const twins = [
      await coordinator.connectAgent(8, { name: "twin" }),
      await coordinator.connectAgent(9, { name: "twin" }),
    ];
    expect(await problemOf(coordinator.request("/v1/nodes/twin"))).toMatchObject({
      status: 409,
      code: "node.nameAmbiguous",
    });
    for (const twin of twins) twin.cut();
  });
});

describe("events", () => {
  test("come with ids and are resumed after the last one seen", async () => {
    const all: number[] = [];
    for await (const event of coordinator.client.readEvents()) all.push(event.id);
    expect(all.length).toBeGreaterThan(5);
    expect(all).toEqual(all.toSorted((a, b) => a - b));
    const middle = all[3] as number;
    const response = await coordinator.request("/v1/events", { headers: { "last-event-id": String(middle) } });
    expect((await response.text()).match(/^id: \d+/m)?.[0]).toBe(`id: ${all[4]}`);
  });

  test("are followed as they happen", async () => {
    const abort = new AbortController();
    const events = coordinator.client.readEvents({ follow: true, signal: abort.signal })[Symbol.asyncIterator]();
    const next = events.next();
    let seen: string | undefined;
    void next.then(({ value }) => (seen = value?.event));
    // Only what happens after the stream's head has come is "from now on": submit until one is seen.
    await expect
      .poll(async () => {
        await coordinator.post("/v1/jobs", { ...NO_OP, name: "followed" });
        return seen;
      })
      .toBe("job.submitted");
    abort.abort();
  });
});

describe("the daemon's own routes", () => {
  test("say that it is up and ready", async () => {
    expect((await coordinator.request("/healthz")).status).toBe(200);
    expect((await coordinator.request("/readyz")).status).toBe(200);
  });

  test("describe every route in OpenAPI 3.1", async () => {
    const document = (await (await coordinator.request("/openapi.json")).json()) as {
      openapi: string;
      paths: Record<string, unknown>;
    };
    expect(document.openapi).toBe("3.1.0");
    const paths = Object.keys(ROUTES).map((route) => route.replace(/^\w+ /, "").replaceAll(/:(\w+)/g, "{$1}"));
    const described = new Set(paths.filter((path) => path !== "/openapi.json"));
    expect(Object.keys(document.paths).toSorted()).toEqual([...described].toSorted());
  });

  test("give Prometheus what waits and why", async () => {
    const text = await (await coordinator.request("/metrics")).text();
    expect(text).toMatch(/^drover_tasks_waiting\{reason="\w+"\} \d+$/m);
    expect(text).toMatch(/^drover_events_total\{event="job.submitted"\} \d+$/m);
  });
});
