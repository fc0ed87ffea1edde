import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { runDrover } from "./main.ts";
import { aJob, aJobDetail, aNode, anAttempt, aSiteList, aTask } from "./testing/builders.ts";
import { captureShell, type CapturedShell } from "./testing/captured-shell.ts";
import {
  beginOutput,
  sendJson,
  sendProblem,
  startFakeCoordinator,
  type FakeCoordinator,
} from "./testing/fake-coordinator.ts";

const EVENT = { time: "2026-01-02T03:04:05.000Z", event: "job.started", jobId: 12 };

let coordinator: FakeCoordinator;
let shell: CapturedShell;

beforeEach(async () => {
  coordinator = await startFakeCoordinator();
  shell = captureShell();
});
afterEach(() => coordinator.kill());

function drover(...words: string[]): Promise<number> {
  return runDrover(["--coordinator", coordinator.url, ...words], shell);
}

describe("an error is one line that says what is wrong and what to do", () => {
  test("and exit code 3 where no coordinator answers", async () => {
    await coordinator.kill();
    expect(await drover("jobs")).toBe(3);
    expect(shell.stderr()).toBe(
      `drover: No coordinator answers at ${coordinator.url}; start it, or set --coordinator or DROVER_COORDINATOR\n`,
    );
    expect(await drover("run", "--", "train")).toBe(3);
    expect(await drover("tail")).toBe(3);
    await coordinator.restart();
  });

  test("and exit code 2 where the coordinator does not know what was named", async () => {
    coordinator.on("GET /v1/jobs/99", (_request, response) =>
      sendProblem(response, "job.notFound", "There is no job 99."),
    );
    expect(await drover("job", "99")).toBe(2);
    expect(shell.stderr()).toBe("drover: There is no job 99; list the jobs: `drover jobs`\n");
  });

  test.each([
    [["jobs", "--state", "lost"], "--state"],
    [["job", "twelve"], "'twelve' will not do: a job's id is a number"],
    [["run"], "command"],
    [["run", "-m", "lots", "--", "ls"], '--memory: "lots" is not a size; say its unit'],
    [["run", "-c", "many", "--", "ls"], "write a number of CPUs"],
    [["submit", "/no/such.yaml"], "there is no such file"],
    [["fly"], "unknown command"],
    [["jbs"], "unknown command 'jbs' (Did you mean jobs?); see drover --help"],
    [["node", "cordn", "gpu-01"], 'there is no "drover node cordn …"; there is drover node accept-hardware, cordon'],
    [["node", "gone"], "name-or-id"],
    [["node", "drain", "gpu-01", "--deadline", "soon"], "write a duration"],
    [["node", "cordon", "gpu-01", "--deadline", "2h"], "--deadline"],
    [["site", "sink", "berlin"], "unknown command"],
  ])("and exit code 2 for %j", async (words, message) => {
    expect(await drover(...words)).toBe(2);
    expect(shell.stderr()).toContain(message);
    expect(shell.stderr()).toMatch(/^drover: [^\n]*\n$/);
    expect(coordinator.requests).toEqual([]);
  });

  test("and exit code 2 for an address that is none", async () => {
    expect(await runDrover(["--coordinator", "gpu-01", "jobs"], shell)).toBe(2);
    expect(shell.stderr()).toContain('"gpu-01" is no address');
  });
});

describe("the commands that read", () => {
  test("take the coordinator's address from the environment", async () => {
    coordinator.on("GET /v1/nodes", (_request, response) => sendJson(response, { nodes: [aNode()] }));
    coordinator.on("GET /v1/sites", (_request, response) => sendJson(response, aSiteList([])));
    shell = captureShell({ env: { DROVER_COORDINATOR: coordinator.url } });
    expect(await runDrover(["nodes"], shell)).toBe(0);
    expect(shell.stdout()).toContain("gpu-01");
  });

  test("pass the filters of `drover jobs` on, and cut the table to the terminal", async () => {
    const job = aJob({}, { name: "a".repeat(100), command: ["b".repeat(100)] });
    coordinator.on("GET /v1/jobs", (_request, response) => sendJson(response, { jobs: [job], nextCursor: null }));
    shell = captureShell({ columns: 80 });
    expect(await drover("jobs", "--state", "failed", "--name", "n", "--label", "k=v", "--limit", "5")).toBe(0);
    expect(coordinator.requests[0]?.query.toString()).toBe("limit=5&state=failed&name=n&label=k%3Dv");
    for (const line of shell.stdout().split("\n")) expect(line.length).toBeLessThanOrEqual(80);
  });

  test("say below the nodes which site is frozen", async () => {
    const frozen = { frozenSince: "2026-01-02T03:04:05.000Z", why: "3 of 4 nodes are silent" };
    coordinator.on("GET /v1/nodes", (_request, response) => sendJson(response, { nodes: [aNode()] }));
    coordinator.on("GET /v1/sites", (_request, response) =>
      sendJson(response, aSiteList([{ name: "berlin", nodes: 4, online: 0, ...frozen }])),
    );
    expect(await drover("nodes")).toBe(0);
    expect(shell.stdout()).toMatch(/^NODE .*\ngpu-01 .*\nsite berlin was frozen .* drover site gone berlin\n$/);
  });

  test.each([
    ["jobs"],
    ["job", "12"],
    ["nodes"],
    ["node", "gpu-01"],
    ["node", "gone", "gpu-01"],
    ["node", "cordon", "gpu-01"],
    ["node", "drain", "gpu-01"],
    ["node", "uncordon", "gpu-01"],
    ["sites"],
    ["site", "gone", "berlin"],
    ["cancel", "12"],
    ["submit", "-"],
  ])("print nothing but one JSON document on stdout with --json: %s", async (...words) => {
    coordinator.on("GET /v1/jobs", (_request, response) => sendJson(response, { jobs: [aJob()], nextCursor: null }));
    coordinator.on("GET /v1/jobs/12", (_request, response) => sendJson(response, aJobDetail([aTask()])));
    coordinator.on("GET /v1/nodes", (_request, response) => sendJson(response, { nodes: [aNode()] }));
    coordinator.on("GET /v1/nodes/gpu-01", (_request, response) => sendJson(response, aNode()));
    const site = { name: "berlin", nodes: 1, online: 0, frozenSince: null, why: null };
    coordinator.on("POST /v1/nodes/gpu-01/gone", (_request, response) => sendJson(response, aNode()));
    coordinator.on("PUT /v1/nodes/gpu-01/admin", (_request, response) => sendJson(response, aNode()));
    coordinator.on("GET /v1/sites", (_request, response) => sendJson(response, aSiteList([site])));
    coordinator.on("POST /v1/sites/berlin/gone", (_request, response) => sendJson(response, site));
    coordinator.on("POST /v1/jobs/12/cancel", (_request, response) => sendJson(response, aJob()));
    coordinator.on("POST /v1/jobs", (_request, response) => sendJson(response, aJob(), 201));
    shell = captureShell({ input: "command: [ls]" });
    expect(await drover(...words, "--json")).toBe(0);
    expect(JSON.parse(shell.stdout())).toBeTypeOf("object");
  });
});

describe("what is wanted of a node", () => {
  test.each([
    [["cordon", "gpu-01", "--reason", "loud fans"], { admin: "cordoned", reason: "loud fans" }],
    [["drain", "gpu-01", "--deadline", "2h"], { admin: "draining", deadline: 7_200_000 }],
    [["uncordon", "gpu-01"], { admin: "schedulable" }],
  ])("is sent whole: %j", async (words, body) => {
    coordinator.on("PUT /v1/nodes/gpu-01/admin", (_request, response) => sendJson(response, aNode()));
    expect(await drover("node", ...words)).toBe(0);
    expect(coordinator.requests.map((request) => request.body)).toEqual([body]);
    expect(shell.stdout()).toBe("node gpu-01 takes new work\n");
  });
});

describe("declaring something gone", () => {
  test("says of a node what becomes of what ran there", async () => {
    const gone = { goneSince: "2026-01-02T03:04:05.000Z" };
    let link: "disconnected" | "lost" = "disconnected";
    coordinator.on("POST /v1/nodes/gpu-01/gone", (_request, response) => sendJson(response, aNode({ ...gone, link })));
    expect(await drover("node", "gone", "gpu-01")).toBe(0);
    link = "lost";
    expect(await drover("node", "gone", "gpu-01")).toBe(0);
    expect(shell.stdout()).toBe(
      "node gpu-01 is declared gone; what ran there is given away when its lease has run out\n" +
        "node gpu-01 is declared gone; nothing that ran there is waited for\n",
    );
  });

  test("means with - the nodes that name no site", async () => {
    coordinator.on("POST /v1/sites/-/gone", (_request, response) =>
      sendJson(response, { name: null, nodes: 3, online: 0, frozenSince: null, why: null }),
    );
    expect(await drover("site", "gone", "-")).toBe(0);
    expect(shell.stdout()).toBe("the site without a name is declared gone, with 3 nodes; see drover nodes\n");
  });

  test("is not possible of what is online", async () => {
    coordinator.on("POST /v1/nodes/gpu-01/gone", (_request, response) =>
      sendProblem(response, "node.stillOnline", "gpu-01 is online."),
    );
    expect(await drover("node", "gone", "gpu-01")).toBe(2);
    expect(shell.stderr()).toBe(
      "drover: gpu-01 is online; drain it: `drover node drain NAME`; or stop its agent first\n",
    );
  });
});

describe("drover node accept-hardware", () => {
  test("says so to the coordinator, and shows the node as it is by then", async () => {
    coordinator.on("POST /v1/nodes/gpu-01/accept-hardware", (_request, response) => sendJson(response, aNode()));
    expect(await drover("node", "accept-hardware", "gpu-01")).toBe(0);
    expect(shell.stdout()).toContain("health       healthy");
    expect(await drover("node", "accept-hardware", "gpu-01", "--json")).toBe(0);
    expect(coordinator.requests.map(({ method }) => method)).toEqual(["POST", "POST"]);
  });
});

describe("drover output", () => {
  beforeEach(() => {
    const tasks = [aTask({ attempts: [anAttempt({ outputBytes: 4 })] }), aTask({ index: 1, state: "queued" })];
    coordinator.on("GET /v1/jobs/12", (_request, response) => {
      sendJson(response, aJobDetail(tasks, {}, { command: ["ls"], array: { size: 2 } }));
    });
    coordinator.on("GET /v1/jobs/12/output", ({ query }, response) => {
      if (query.get("task") === "0") beginOutput(response, 1, "one\n").end();
      else sendProblem(response, "output.notFound", "Task 12.1 has not started.");
    });
  });

  test("prints what every task of an array has written so far", async () => {
    expect(await drover("output", "12")).toBe(0);
    expect(shell.stdout()).toBe("[0] one\n");
  });

  test.each([[["12.0"]], [["12", "--task", "0"]]])("prints the bytes of one task as they are: %j", async (words) => {
    expect(await drover("output", ...words)).toBe(0);
    expect(shell.stdout()).toBe("one\n");
  });

  test("says of the one task that was asked for that it has not started", async () => {
    expect(await drover("output", "12.1")).toBe(2);
    expect(shell.stderr()).toBe(
      "drover: Task 12.1 has not started; to wait for it, follow it: `drover output ID -f`, or `follow=true`\n",
    );
  });

  test("prints a JSON document a line with --json", async () => {
    expect(await drover("output", "12", "--json")).toBe(0);
    expect(shell.stdout()).toBe('{"task":0,"line":"one"}\n');
  });

  test("follows one attempt alone, to its own end", async () => {
    const attempts = [anAttempt({ outputBytes: 4 }), anAttempt({ number: 2, state: "running", outcome: null })];
    coordinator.on("GET /v1/jobs/12", (_request, response) =>
      sendJson(response, aJobDetail([aTask({ state: "running", attempts })])),
    );
    expect(await drover("output", "12", "-f", "--attempt", "1")).toBe(0);
    expect(shell.stdout()).toBe("one\n");
  });
});

describe("drover tail", () => {
  test("goes on after the last event it saw when the connection breaks", async () => {
    let connections = 0;
    coordinator.on("GET /v1/jobs", (_request, response) => sendJson(response, { jobs: [], nextCursor: null }));
    coordinator.on("GET /v1/events", ({ query }, response) => {
      connections++;
      response.writeHead(200, { "content-type": "text/event-stream" });
      if (connections === 1)
        response.write(`id: 41\ndata: ${JSON.stringify({ id: 41, ...EVENT })}\n\n`, () => response.destroy());
      else response.write(`id: 42\ndata: ${JSON.stringify({ id: 42, ...EVENT, since: query.get("since") })}\n\n`);
    });
    void drover("tail", "--json");
    await shell.shows('"id":42');
    const [first, second] = shell
      .stdout()
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(first).toEqual({ id: 41, ...EVENT });
    expect(second).toMatchObject({ id: 42, since: "41" });
  });

  test("prints what is stored and ends with --no-follow", async () => {
    coordinator.on("GET /v1/jobs", (_request, response) => sendJson(response, { jobs: [], nextCursor: null }));
    coordinator.on("GET /v1/events", (_request, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.end(`data: ${JSON.stringify({ id: 41, ...EVENT })}\n\n`);
    });
    expect(await drover("tail", "--since", "0", "--no-follow")).toBe(0);
    expect(shell.stdout()).toMatch(/^\d\d:\d\d:05 {2}job 12 {6}started\n$/);
    expect(coordinator.requests.at(-1)?.query.toString()).toBe("since=0&follow=false");
  });
});

describe("the process drover", () => {
  const program = join(import.meta.dirname, "../bin/drover.mjs");

  test("ends without an error when the reader of its output has gone", async () => {
    coordinator.on("GET /v1/jobs/12", (_request, response) => sendJson(response, aJobDetail([aTask()])));
    coordinator.on("GET /v1/jobs/12/output", (_request, response) => {
      beginOutput(response, 1, "x".repeat(1_000_000));
    });
    const child = spawn(process.execPath, [program, "output", "12", "--coordinator", coordinator.url], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    let errors = "";
    child.stderr.on("data", (chunk) => (errors += String(chunk)));
    await once(child.stdout, "data");
    child.stdout.destroy();
    const [code] = (await once(child, "close")) as [number | null];
    expect(errors).toBe("");
    expect(code).toBe(0);
  });

  test("prints its version, and help for each command", async () => {
    expect(await drover("--version")).toBe(0);
    expect(await drover("run", "--help")).toBe(0);
    expect(shell.stdout()).toMatch(/^\d+\.\d+\.\d+\n/);
    expect(shell.stdout()).toContain("--detach");
  });
});
