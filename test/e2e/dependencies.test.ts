import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { JobDetail } from "@drover/shared/api/jobs.ts";
import type { JobSubmission } from "@drover/shared/domain/job.ts";
import { CHECKOUT, LocalFleet } from "../support/local-fleet.ts";
import { waitFor } from "../support/wait-for.ts";

let fleet: LocalFleet;
beforeAll(async () => {
  fleet = await LocalFleet.start();
});
afterAll(() => fleet[Symbol.asyncDispose]());

const SMALL = { cpus: 0.1, memory: "1MiB" };

/** A line of shell that ends when the test opens the gate of this name. */
function untilOpen(name: string): string {
  return `while [ ! -e ${join(fleet.folder, name)} ]; do sleep 0.05; done`;
}

function open(name: string): void {
  writeFileSync(join(fleet.folder, name), "");
}

async function submit(job: JobSubmission): Promise<number> {
  return (await fleet.client.submitJob({ resources: SMALL, ...job })).id;
}

async function ended(jobId: number): Promise<JobDetail> {
  await fleet.untilEnded(jobId);
  return fleet.client.getJob(jobId);
}

describe("jobs that come after others on a real fleet", () => {
  test("run one after the other over crashes of both daemons, each seeing what the one before left", async () => {
    const at = (name: string): string => join(fleet.folder, name);
    const parts = await submit({
      script: `${untilOpen("parts")}; echo part > ${at("part")}.$DROVER_TASK_INDEX`,
      array: { size: 3 },
    });
    const whole = await submit({ script: `cat ${at("part")}.* > ${at("whole")}`, after: [parts] });
    const seen = await submit({ script: `cat ${at("whole")}`, after: [parts, { job: whole, when: "always" }] });
    expect((await fleet.client.getJob(seen)).waiting?.message).toContain(
      `job ${parts} (running), job ${whole} (queued)`,
    );

    await fleet.crashCoordinator();
    await fleet.crashAgent();
    await fleet.untilOnline();
    for (const id of [whole, seen]) expect((await fleet.client.getJob(id)).waiting?.code).toBe("dependency");
    expect(existsSync(at("whole"))).toBe(false);
    open("parts");

    expect((await ended(seen)).state).toBe("succeeded");
    expect((await fleet.outputOf(seen)).toString()).toBe("part\npart\npart\n");
    const [first, second, third] = await Promise.all([parts, whole, seen].map((id) => fleet.client.getJob(id)));
    expect(Date.parse(second?.startedAt ?? "")).toBeGreaterThanOrEqual(Date.parse(first?.endedAt ?? ""));
    expect(Date.parse(third?.startedAt ?? "")).toBeGreaterThanOrEqual(Date.parse(second?.endedAt ?? ""));
  });

  test("never start after a failure, except for what waits for it", async () => {
    const witness = join(fleet.folder, "must-not-exist");
    const failing = await submit({ script: `${untilOpen("failure")}; exit 3` });
    const next = await submit({ script: `touch ${witness}`, after: [failing] });
    const last = await submit({ script: `touch ${witness}`, after: [next], array: { size: 2 } });
    const cleanUp = await submit({ script: "echo cleaned", after: [{ job: failing, when: "onFailure" }] });
    const report = await submit({ script: "echo over", after: [{ job: last, when: "always" }, cleanUp] });
    open("failure");

    expect(await ended(report)).toMatchObject({ state: "succeeded" });
    expect((await fleet.outputOf(cleanUp)).toString()).toBe("cleaned\n");
    for (const id of [next, last]) {
      const job = await ended(id);
      expect(job).toMatchObject({ state: "canceled", startedAt: null, cancelRequested: false });
      for (const task of job.tasks) expect(task).toMatchObject({ cause: "dependencyFailed", attempts: [] });
    }
    expect(existsSync(witness)).toBe(false);
  });

  test("are waited for by drover run, which says why one never ran", async () => {
    const failing = await submit({ script: `${untilOpen("notice")}; exit 3` });
    const words = ["run", "--after", String(failing), "--", "true"];
    const child = spawn(process.execPath, [join(CHECKOUT, "packages/cli/bin/drover.mjs"), ...words], {
      env: { ...process.env, DROVER_COORDINATOR: fleet.url, DROVER_TOKEN: fleet.token.read() ?? "" },
      stdio: ["ignore", "ignore", "pipe"],
    });
    let errors = "";
    child.stderr.on("data", (chunk: Buffer) => (errors += chunk.toString()));
    await waitFor("drover to say why it waits", () =>
      errors.includes(`waits: it comes after jobs that have not ended`),
    );
    open("notice");
    expect(await once(child, "close")).toEqual([1, null]);
    expect(errors).toMatch(
      new RegExp(`^drover: job \\d+ never ran: job ${failing}, which it comes after, failed$`, "m"),
    );
  });
});
