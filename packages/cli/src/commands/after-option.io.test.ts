import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { JobId } from "@drover/shared/domain/ids.ts";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { runDrover } from "../main.ts";
import { aJob, aJobDetail, aTask } from "../testing/builders.ts";
import { captureShell, type CapturedShell } from "../testing/captured-shell.ts";
import { beginOutput, sendJson, sendProblem, startFakeCoordinator } from "../testing/fake-coordinator.ts";
import type { FakeCoordinator } from "../testing/fake-coordinator.ts";

let coordinator: FakeCoordinator;
let shell: CapturedShell;
let folder: string;

beforeEach(async () => {
  coordinator = await startFakeCoordinator();
  coordinator.on("POST /v1/jobs", (_request, response) => sendJson(response, aJob({ state: "queued" }), 201));
  shell = captureShell();
  folder = mkdtempSync(join(tmpdir(), "drover-cli-"));
});
afterEach(async () => {
  await coordinator.kill();
  rmSync(folder, { recursive: true, force: true });
});

function drover(...words: string[]): Promise<number> {
  return runDrover(["--coordinator", coordinator.url, ...words], shell);
}

describe("--after", () => {
  test("names jobs to come after, with and without a condition", async () => {
    const after = ["--after", "12", "--after", "13:onFailure", "--after=14:always"];
    expect(await drover("run", "-d", ...after, "--", "train")).toBe(0);
    expect(coordinator.requests[0]?.body).toEqual({
      command: ["train"],
      after: [12, { job: 13, when: "onFailure" }, { job: 14, when: "always" }],
    });
  });

  test("adds to what the file of a job says", async () => {
    const file = join(folder, "job.yaml");
    writeFileSync(file, "command: [ls]\nafter: [3, {job: 4, when: always}]\n");
    expect(await drover("submit", "--after", "12:onSuccess", file)).toBe(0);
    expect(coordinator.requests[0]?.body).toEqual({
      command: ["ls"],
      after: [3, { job: 4, when: "always" }, { job: 12, when: "onSuccess" }],
    });
    expect(await drover("submit", "--after", "4", file)).toBe(2);
    expect(shell.stderr()).toContain("drover: --after: names job 4 twice");
  });

  test.each(["train", "0", "12:later", "12:always:13", "12:", ":always", "12.3", "-1"])(
    "%s is refused with what to write",
    async (text) => {
      expect(await drover("run", `--after=${text}`, "--", "train")).toBe(2);
      expect(shell.stderr()).toContain("write a job's id, such as 12, or with a condition 12:onFailure or 12:always");
      expect(coordinator.requests).toEqual([]);
    },
  );

  test("twice for one job is refused", async () => {
    expect(await drover("run", "--after", "12", "--after", "12:always", "--", "train")).toBe(2);
    expect(shell.stderr()).toBe("drover: --after: names job 12 twice\n");
  });

  test("with a job that does not exist ends with exit code 2 and says which", async () => {
    coordinator.on("POST /v1/jobs", (_request, response) =>
      sendProblem(response, "dependency.notFound", "There is no job 99 that this one could come after."),
    );
    expect(await drover("run", "--after", "99", "--", "train")).toBe(2);
    expect(shell.stderr()).toMatch(/^drover: There is no job 99 that this one could come after; submit that job first/);
  });
});

test("drover run ends with 1 for a job that never ran, and says because of which job", async () => {
  const dependencies = [{ jobId: JobId.parse(11), when: "onSuccess", state: "failed", standing: "failed" } as const];
  const task = aTask({ state: "canceled", cause: "dependencyFailed" });
  coordinator.on("GET /v1/jobs/12", (_request, response) =>
    sendJson(response, aJobDetail([task], { state: "canceled", startedAt: null, dependencies: [...dependencies] })),
  );
  coordinator.on("GET /v1/jobs/12/output", (_request, response) => void beginOutput(response, 1, "").end());
  expect(await drover("run", "--after", "11", "--", "train")).toBe(1);
  expect(shell.stderr()).toBe("drover: job 12 never ran: job 11, which it comes after, failed\n");
});
