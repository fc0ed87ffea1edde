import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Task } from "@drover/shared/api/jobs.ts";
import { runDrover } from "../main.ts";
import { aJob, aJobDetail, anAttempt, aTask } from "../testing/builders.ts";
import { captureShell, type CapturedShell } from "../testing/captured-shell.ts";
import {
  beginOutput,
  sendJson,
  sendProblem,
  startFakeCoordinator,
  type FakeCoordinator,
} from "../testing/fake-coordinator.ts";

let coordinator: FakeCoordinator;

beforeEach(async () => {
  coordinator = await startFakeCoordinator();
});
afterEach(() => coordinator.kill());

function drover(shell: CapturedShell, ...words: string[]): Promise<number> {
  return runDrover(["--coordinator", coordinator.url, ...words], shell);
}

/** The coordinator accepts a job, and says that it has ended with these tasks. */
function acceptJob(tasks: Task[], state: "succeeded" | "failed" | "canceled" = "succeeded"): void {
  const array = tasks.length > 1 ? { array: { size: tasks.length } } : {};
  const submission = { command: ["train"], ...array };
  coordinator.on("POST /v1/jobs", (_request, response) =>
    sendJson(response, aJob({ state: "queued" }, submission), 201),
  );
  coordinator.on("GET /v1/jobs/12", ({ query }, response) => {
    const fromTask = Number(query.get("fromTask") ?? 0);
    sendJson(response, aJobDetail(tasks.slice(fromTask), { state }, submission));
  });
}

function taskThatWrote(text: string, fields: Partial<Task> = {}): Task {
  return aTask({ attempts: [anAttempt({ outputBytes: Buffer.byteLength(text) })], ...fields });
}

describe("drover run", () => {
  test("submits the words after -- with what the options ask for, and an idempotency key", async () => {
    acceptJob([taskThatWrote("")]);
    coordinator.on("GET /v1/jobs/12/output", (_request, response) => void beginOutput(response, 1, "").end());
    const options = [
      "-c",
      "2",
      "-m",
      "4GiB",
      "-g",
      "1",
      "--name",
      "n",
      "--timeout",
      "90m",
      "--retries",
      "2",
      "--env",
      "A=b=c",
      "--label",
      "team=x",
    ];
    await drover(captureShell(), "run", ...options, "--", "python", "train.py", "--json");
    expect(coordinator.requests[0]?.body).toEqual({
      command: ["python", "train.py", "--json"],
      name: "n",
      timeout: "90m",
      retries: 2,
      env: { A: "b=c" },
      labels: { team: "x" },
      resources: { cpus: 2, memory: "4GiB", gpus: 1 },
    });
    expect(coordinator.requests[0]?.headers["idempotency-key"]).toMatch(/^[0-9a-f-]{36}$/);
  });

  test.each([
    [["-g", "0.25"], { gpus: 0.25 }],
    [["--gpu-memory", "10GiB"], { gpuMemory: "10GiB" }],
    [
      ["-g", "2", "--gpu-model", "A100-80GB", "--gpu-model", "H100"],
      { gpus: { count: 2, model: ["A100-80GB", "H100"] } },
    ],
    [["--gpu-model", "L40S"], { gpus: { model: ["L40S"] } }],
  ] as const)("asks with %j for exactly that", async (options, resources) => {
    acceptJob([taskThatWrote("")]);
    await drover(captureShell(), "run", "-d", ...options, "--", "true");
    expect(coordinator.requests[0]?.body).toMatchObject({ resources });
  });

  test.each(["7", "-7"])("asks for priority %s", async (priority) => {
    acceptJob([taskThatWrote("")]);
    await drover(captureShell(), "run", "-d", "--priority", priority, "--", "true");
    expect(coordinator.requests[0]?.body).toMatchObject({ priority: Number(priority) });
  });

  test.each([
    [["-g", "1.5"], "--gpus: GPUs are a whole number, or a share of one GPU in thousandths, such as 0.25"],
    [
      ["-g", "1", "--gpu-memory", "1GiB"],
      "--gpu-memory: give a count of GPUs or a share of one GPU's memory, not both",
    ],
  ])("refuses %j and says what to do", async (options, advice) => {
    const shell = captureShell();
    expect(await drover(shell, "run", ...options, "--", "true")).toBe(2);
    expect(shell.stderr()).toContain(advice);
    expect(coordinator.requests).toEqual([]);
  });

  test("prints the output as it comes and ends with the job's exit code", async () => {
    const failed = anAttempt({ outcome: { type: "exited", code: 3 }, outputBytes: 9 });
    acceptJob([aTask({ state: "failed", attempts: [failed] })], "failed");
    const shell = captureShell();
    coordinator.on("GET /v1/jobs/12/output", async (_request, response) => {
      beginOutput(response, 1, "half");
      await shell.shows("half");
      response.end(" done");
    });
    expect(await drover(shell, "run", "--", "train")).toBe(3);
    expect(shell.stdout()).toBe("half done");
    expect(shell.stderr()).toBe("drover: job 12 failed: exit code 3\n");
  });

  test.each([
    [{ type: "signaled", signal: "SIGKILL" } as const, 137],
    [{ type: "timedOut" } as const, 1],
    [{ type: "startFailed", code: "commandNotFound", message: "no such program: train" } as const, 1],
  ])("ends a job that ended as %j with %i", async (outcome, exitCode) => {
    acceptJob([aTask({ state: "failed", attempts: [anAttempt({ outcome })] })], "failed");
    coordinator.on("GET /v1/jobs/12/output", (_request, response) => void beginOutput(response, 1, "").end());
    expect(await drover(captureShell(), "run", "--", "train")).toBe(exitCode);
  });

  test("puts the task's index before each line of an array", async () => {
    acceptJob([taskThatWrote("a\nb\n"), taskThatWrote("c", { index: 1 })]);
    coordinator.on("GET /v1/jobs/12/output", ({ query }, response) => {
      beginOutput(response, 1, query.get("task") === "0" ? "a\nb\n" : "c").end();
    });
    const shell = captureShell();
    expect(await drover(shell, "run", "--array", "2", "--", "train")).toBe(0);
    expect(shell.stdout().split("\n").sort()).toEqual(["", "[0] a", "[0] b", "[1] c"]);
  });

  test("goes on at the right byte after the coordinator was killed and came back", async () => {
    const shell = captureShell();
    acceptJob([taskThatWrote("0123456789")]);
    coordinator.on("GET /v1/jobs/12/output", ({ query }, response) => {
      if (query.get("offset") === null) beginOutput(response, 1, "01234");
      else beginOutput(response, 1, "0123456789".slice(Number(query.get("offset")))).end();
    });
    const exitCode = drover(shell, "run", "--", "train");
    await shell.shows("01234");
    await coordinator.kill();
    await shell.shows("does not answer");
    await coordinator.restart();
    expect(await exitCode).toBe(0);
    expect(shell.stdout()).toBe("0123456789");
    expect(shell.stderr()).toContain("the coordinator is back");
    expect(coordinator.requests.at(-3)?.query.toString()).toBe("task=0&follow=true&attempt=1&offset=5");
  });

  test("does not take a stream that a stopping coordinator ends for the end of the task", async () => {
    const shell = captureShell();
    acceptJob([taskThatWrote("0123456789")]);
    coordinator.on("GET /v1/jobs/12/output", ({ query }, response) => {
      const offset = Number(query.get("offset") ?? 0);
      beginOutput(response, 1, "0123456789".slice(offset, offset + 5)).end();
    });
    expect(await drover(shell, "run", "--", "train")).toBe(0);
    expect(shell.stdout()).toBe("0123456789");
  });

  test("begins with the first attempt of a task that has failed before anybody followed it", async () => {
    const attempts = [anAttempt({ number: 1, outputBytes: 6 }), anAttempt({ number: 2, outputBytes: 7 })];
    acceptJob([aTask({ attempts })]);
    const outputs = ["", "first\n", "second\n"];
    coordinator.on("GET /v1/jobs/12/output", ({ query }, response) => {
      const attempt = Number(query.get("attempt") ?? 2);
      beginOutput(response, attempt, outputs[attempt] ?? "").end();
    });
    const shell = captureShell();
    expect(await drover(shell, "run", "--", "train")).toBe(0);
    expect(shell.stdout()).toBe("first\nsecond\n");
  });

  test("asks for the same job again, by the same key, when the answer to a submission is lost", async () => {
    acceptJob([taskThatWrote("")]);
    coordinator.on("GET /v1/jobs/12/output", (_request, response) => void beginOutput(response, 1, "").end());
    let submissions = 0;
    coordinator.on("POST /v1/jobs", (_request, response) => {
      if (++submissions === 1) response.destroy();
      else sendJson(response, aJob({ state: "queued" }), 201);
    });
    expect(await drover(captureShell(), "run", "--", "train")).toBe(0);
    const keys = coordinator.requests
      .filter(({ method }) => method === "POST")
      .map(({ headers }) => headers["idempotency-key"]);
    expect(keys).toHaveLength(2);
    expect(keys[0]).toBe(keys[1]);
  });

  test("says why a job that does not start waits, and what to do", async () => {
    const shell = captureShell();
    const waiting = {
      code: "noNodes",
      message: "no node has joined the fleet yet; start an agent",
      nodes: [],
    } as const;
    acceptJob([taskThatWrote("")]);
    const ended = aJobDetail([taskThatWrote("")]);
    coordinator.on("GET /v1/jobs/12", (_request, response) => {
      sendJson(
        response,
        shell.stderr().includes("waits")
          ? ended
          : {
              ...ended,
              state: "queued",
              waiting: { ...waiting, nodes: [], nodeCount: 0, constraints: [], aheadCount: 0, start: null },
            },
      );
    });
    coordinator.on("GET /v1/jobs/12/output", async (_request, response) => {
      beginOutput(response, 1, "");
      await shell.shows("job 12 waits: no node has joined the fleet yet; start an agent");
      response.end();
    });
    expect(await drover(shell, "run", "--", "train")).toBe(0);
  });

  test("keeps stdout for the job's JSON with --json", async () => {
    acceptJob([taskThatWrote("text")]);
    coordinator.on("GET /v1/jobs/12/output", (_request, response) => void beginOutput(response, 1, "text").end());
    const shell = captureShell();
    expect(await drover(shell, "run", "--json", "--", "train")).toBe(0);
    expect(JSON.parse(shell.stdout())).toMatchObject({ id: 12, state: "succeeded" });
    expect(shell.stderr()).toBe("text");
  });

  test("returns at once with --detach", async () => {
    acceptJob([taskThatWrote("")]);
    const shell = captureShell();
    expect(await drover(shell, "run", "--detach", "--", "train")).toBe(0);
    expect(shell.stdout()).toBe("job 12\n");
    expect(coordinator.requests).toHaveLength(1);
  });
});

describe("Ctrl-C during drover run", () => {
  /** A task that writes until it is canceled. */
  function acceptEndlessJob(): void {
    let isCanceled = false;
    let end = (): void => {};
    acceptJob([]);
    coordinator.on("GET /v1/jobs/12", (_request, response) => {
      const tasks = [aTask({ state: isCanceled ? "canceled" : "running", attempts: [anAttempt({ outputBytes: 8 })] })];
      sendJson(response, aJobDetail(tasks, { state: isCanceled ? "canceled" : "running" }));
    });
    coordinator.on("GET /v1/jobs/12/output", (_request, response) => {
      beginOutput(response, 1, "working\n");
      end = () => void response.end();
    });
    coordinator.on("POST /v1/jobs/12/cancel", (_request, response) => {
      isCanceled = true;
      sendJson(response, aJob({ state: "running", cancelRequested: true }));
      end();
    });
  }

  const wasCanceled = (): boolean => coordinator.requests.some(({ path }) => path.endsWith("/cancel"));

  test("cancels where nobody can be asked", async () => {
    acceptEndlessJob();
    const shell = captureShell();
    const exitCode = drover(shell, "run", "--", "train");
    await shell.shows("working");
    shell.interrupt();
    expect(await exitCode).toBe(1);
    expect(wasCanceled()).toBe(true);
    expect(shell.stderr()).toContain("job 12 was canceled");
  });

  test.each(["d", "D "])("at a terminal leaves the job running for the answer %j", async (answer) => {
    acceptEndlessJob();
    const shell = captureShell({ isInteractive: true });
    const exitCode = drover(shell, "run", "--", "train");
    await shell.shows("working");
    shell.interrupt();
    await shell.shows("c cancels it, d leaves it running");
    shell.type(answer);
    expect(await exitCode).toBe(0);
    expect(wasCanceled()).toBe(false);
    expect(shell.stderr()).toContain("follow it again with: drover output 12 -f");
  });

  test("at a terminal goes on following for Enter, and asks again at the next", async () => {
    acceptEndlessJob();
    const shell = captureShell({ isInteractive: true });
    const exitCode = drover(shell, "run", "--", "train");
    await shell.shows("working");
    shell.interrupt();
    await shell.shows("c cancels it");
    shell.type("");
    // The answer is taken in a later turn; until then a Ctrl-C still belongs to the first question.
    await new Promise((resolve) => setImmediate(resolve));
    shell.interrupt();
    await shell.shows("Enter goes on following: \nJob 12 goes on");
    shell.type("c");
    expect(await exitCode).toBe(1);
    expect(wasCanceled()).toBe(true);
  });

  test("pressed twice at a terminal cancels", async () => {
    acceptEndlessJob();
    const shell = captureShell({ isInteractive: true });
    const exitCode = drover(shell, "run", "--", "train");
    await shell.shows("working");
    shell.interrupt();
    shell.interrupt();
    expect(await exitCode).toBe(1);
    expect(wasCanceled()).toBe(true);
  });

  test("says so when the cancel is refused, and leaves with its error", async () => {
    acceptEndlessJob();
    coordinator.on("POST /v1/jobs/12/cancel", (_request, response) =>
      sendProblem(response, "storage.full", "The disk is full."),
    );
    const shell = captureShell();
    const exitCode = drover(shell, "run", "--", "train");
    await shell.shows("working");
    shell.interrupt();
    expect(await exitCode).toBe(3);
    expect(shell.stderr()).toContain("The disk is full; free space in the data directory");
  });
});
