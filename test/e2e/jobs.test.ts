import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { JobDetail } from "@drover/shared/api/jobs.ts";
import type { JobSubmission } from "@drover/shared/domain/job.ts";
import { LocalFleet } from "../support/local-fleet.ts";
import { waitFor } from "../support/wait-for.ts";

let fleet: LocalFleet;
beforeAll(async () => {
  fleet = await LocalFleet.start();
});
afterAll(() => fleet[Symbol.asyncDispose]());

const SMALL = { cpus: 0.1, memory: "1MiB" };

async function run(job: JobSubmission): Promise<JobDetail> {
  const { id } = await fleet.client.submitJob({ resources: SMALL, ...job });
  await fleet.untilEnded(id);
  return fleet.client.getJob(id);
}

function onlyAttempt(job: JobDetail) {
  const attempts = job.tasks.flatMap((task) => task.attempts);
  expect(attempts).toHaveLength(1);
  return attempts[0]!;
}

describe("a job on a real fleet", () => {
  test("has its output byte for byte, stdout and stderr in the order of writing", async () => {
    const job = await run({ script: "printf 'a\\0b\\377'; printf err >&2; printf c" });
    expect(await fleet.outputOf(job.id)).toEqual(Buffer.from([97, 0, 98, 255, ...Buffer.from("errc")]));
    expect(onlyAttempt(job)).toMatchObject({ state: "ended", outcome: { type: "exited", code: 0 }, outputBytes: 8 });
  });

  test("fails with its exit code, and keeps what each attempt wrote", async () => {
    const job = await run({ script: 'echo "try $DROVER_ATTEMPT"; exit 3', retries: 1 });
    expect(job.state).toBe("failed");
    expect(job.tasks[0]?.attempts.map(({ outcome }) => outcome)).toEqual(Array(2).fill({ type: "exited", code: 3 }));
    const first = await fleet.client.readOutput(job.id, { attempt: 1 });
    expect(Buffer.concat(await arrayOf(first.bytes)).toString()).toBe("try 1\n");
    expect((await fleet.outputOf(job.id)).toString()).toBe("try 2\n");
  });

  test.each([
    ["a program that does not exist", { command: ["no-such-program"] }, "commandNotFound", /no-such-program/],
    ["a file that is no program", { command: ["/etc/passwd"] }, "commandNotExecutable", /passwd/],
    ["a directory that is not there", { command: ["true"], workDir: "/no/such/dir" }, "workDirUnusable", /no.such.dir/],
  ] as const)("that names %s says so and does not retry for ever", async (_what, submission, code, says) => {
    const job = await run({ ...submission, command: [...submission.command] });
    expect(job.state).toBe("failed");
    expect(onlyAttempt(job).outcome).toMatchObject({ type: "startFailed", code, message: expect.stringMatching(says) });
  });

  test("that is a sweep has in each task the values of that task, though all start together", async () => {
    const job = await run({ script: 'echo "$LR $SEED"', array: { matrix: { LR: [0.1, 0.01], SEED: [1, 2] } } });
    const outputs = await Promise.all([0, 1, 2, 3].map((index) => fleet.outputOf(job.id, index)));
    expect(outputs.map(String)).toEqual(["0.1 1\n", "0.1 2\n", "0.01 1\n", "0.01 2\n"]);
  });

  test("is told its place in the array, what it holds and where it may write", async () => {
    const script =
      'echo "$DROVER_TASK_INDEX/$DROVER_TASK_COUNT $DROVER_CPUS $DROVER_NODE_NAME"; touch "$TMPDIR/t"; echo "$TMPDIR"';
    const job = await run({ script, array: { size: 3 } });
    for (const index of [0, 1, 2]) {
      const [line, tmpDir] = (await fleet.outputOf(job.id, index)).toString().trim().split("\n");
      expect(line).toBe(`${index}/3 0.1 local`);
      expect(existsSync(tmpDir ?? "")).toBe(false);
    }
  });

  test("that runs too long is stopped with everything it started, in whatever session", async () => {
    const beat = join(fleet.folder, "beat");
    const script = `setsid sh -c 'trap "" TERM; while :; do echo x >> ${beat}; sleep 0.05; done' & trap "" TERM; wait`;
    const job = await run({ script, timeout: "1s" });
    expect(onlyAttempt(job).outcome).toEqual({ type: "timedOut" });
    const bytes = readFileSync(beat).byteLength;
    expect(bytes).toBeGreaterThan(2);
    // A task ends when nothing of it is left: two more starts later the witness has still written nothing.
    await run({ command: ["sleep", "0.2"] });
    expect(readFileSync(beat).byteLength).toBe(bytes);
  });

  test("is canceled while it runs, and is over when its processes are", async () => {
    const { id } = await fleet.client.submitJob({ resources: SMALL, script: "echo up; sleep 1000" });
    await waitFor(
      "its first output",
      async () => (await fleet.client.getJob(id)).tasks[0]?.attempts[0]?.outputBytes === 3,
    );
    await fleet.client.cancelJob(id);
    await fleet.untilEnded(id);
    const job = await fleet.client.getJob(id);
    expect(job).toMatchObject({ state: "canceled", cancelRequested: true });
    expect(onlyAttempt(job).outcome).toEqual({ type: "canceled" });
  });

  test("that no node could ever run waits and says why", async () => {
    const { id } = await fleet.client.submitJob({ command: ["true"], resources: { gpus: 64 } });
    const job = await fleet.client.getJob(id);
    expect(job.state).toBe("queued");
    expect(job.tasks[0]?.waitingReason).toMatchObject({
      code: "noNodeCouldEverFit",
      message: expect.stringContaining("64 GPUs"),
    });
    await fleet.client.cancelJob(id);
  });

  test("is followed while it writes 32 MiB, to the last byte", async () => {
    const { id } = await fleet.client.submitJob({
      resources: SMALL,
      command: ["head", "-c", String(32 * 1024 ** 2), "/dev/zero"],
    });
    const { bytes } = await fleet.client.readOutput(id, { follow: true });
    const received = (await arrayOf(bytes)).reduce((sum, chunk) => sum + chunk.byteLength, 0);
    expect(received).toBe(32 * 1024 ** 2);
    expect((await fleet.client.getJob(id)).state).toBe("succeeded");
  });

  test("is stopped at the deadline of a drain, waits while its node is drained, and runs again when it is not", async () => {
    const gate = join(fleet.folder, "drain-gate");
    const script = `echo "try $DROVER_ATTEMPT"; while [ ! -e ${gate} ]; do sleep 0.05; done`;
    const { id } = await fleet.client.submitJob({ resources: SMALL, script });
    const task = async () => (await fleet.client.getJob(id)).tasks[0];
    await waitFor("its first output", async () => (await task())?.attempts[0]?.outputBytes === 6);

    const word = { admin: "draining", reason: "a new disk", deadline: "1s" } as const;
    expect(await fleet.client.setNodeAdmin("local", word)).toMatchObject({ admin: "draining", attemptCount: 1 });
    await waitFor("the node to be drained", async () => (await fleet.client.getNode("local")).admin === "drained");
    expect(await task()).toMatchObject({
      state: "queued",
      cause: "preempted",
      attempts: [{ outcome: { type: "preempted" }, blame: "system" }],
      waitingReason: { code: "fittingNodesUnavailable", message: expect.stringContaining("local is drained") },
    });
    // Drained means that the machine may be switched off: and it may.
    await expect.poll(() => readdirSync(join(fleet.folder, "agent/attempts"))).toEqual([]);
    await fleet.crashAgent();
    await fleet.crashCoordinator();
    await fleet.untilOnline();
    expect(await fleet.client.getNode("local")).toMatchObject({ admin: "drained", adminReason: "a new disk" });
    expect((await task())?.state).toBe("queued");

    writeFileSync(gate, "");
    await fleet.client.setNodeAdmin("local", { admin: "schedulable" });
    await fleet.untilEnded(id);
    expect((await task())?.attempts.map(({ outcome }) => outcome)).toEqual([
      { type: "preempted" },
      { type: "exited", code: 0 },
    ]);
    expect((await fleet.outputOf(id)).toString()).toBe("try 2\n");
  });

  test("runs on while its agent is away, and the next agent tells its end", async () => {
    const gate = join(fleet.folder, "gate");
    const script = `echo before; while [ ! -e ${gate} ]; do sleep 0.05; done; echo after; exit 7`;
    const { id } = await fleet.client.submitJob({ resources: SMALL, script });
    await waitFor(
      "its first output",
      async () => (await fleet.client.getJob(id)).tasks[0]?.attempts[0]?.outputBytes === 7,
    );
    await fleet.stopAgent();
    await waitFor("the node to be gone", async () => (await fleet.client.getNode("local")).link === "disconnected");
    expect((await fleet.client.getJob(id)).tasks[0]?.attempts[0]?.unknown).toBe(true);
    writeFileSync(gate, "");
    fleet.startAgent();
    await fleet.untilEnded(id);
    const job = await fleet.client.getJob(id);
    expect(onlyAttempt(job).outcome).toEqual({ type: "exited", code: 7 });
    expect((await fleet.outputOf(id)).toString()).toBe("before\nafter\n");
  });
});

async function arrayOf<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}
