import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { waitFor } from "../support/wait-for.ts";
import { freePort } from "../support/free-port.ts";
import { AgentProcess } from "./agent-process.ts";
import { CoordinatorProcess, runCommand } from "./coordinator-process.ts";
import { expectMemoryEqualsDisk } from "./memory-and-disk.ts";
import { SmallDisk, whyNoSmallDisk } from "./small-disk.ts";

const DISK_BYTES = 12 * 1024 * 1024;
const SMALL = { cpus: 0.01, memory: "1MiB" };

test("a full disk refuses submissions, stops nothing that runs, and when it has room again everything goes on by itself", async (context) => {
  const whyNot = whyNoSmallDisk();
  if (whyNot !== null) return context.skip(whyNot);
  const folder = mkdtempSync(join(tmpdir(), "drover-full-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  await using disk = await SmallDisk.mount(DISK_BYTES);
  const dataDir = join(disk.path, "coordinator");
  const port = await freePort();
  const how = { dataDir, port, within: disk.within, options: ["--heartbeat", "200ms", "--lease", "10m"] };
  await using coordinator = await CoordinatorProcess.start(how);
  const { url } = coordinator;
  const { client } = coordinator;
  const headers = coordinator.token.headers();
  await using _agent = await AgentProcess.start({ coordinator, dataDir: join(folder, "agent") });
  const codeOf = async (path: string): Promise<unknown> =>
    ((await (await fetch(`${url}${path}`)).json()) as { code?: string }).code;

  // One that writes all the time, and one that ends while the disk is full.
  const witness = join(folder, "witness");
  const until = (file: string): string => `[ -d ${folder} ] && [ ! -e ${join(folder, file)} ]`;
  const writes = `i=0; while ${until("stop")}; do i=$((i+1)); seq $i $((i+500)); sleep 0.02; done | tee ${witness}`;
  const ends = `while ${until("end")}; do sleep 0.02; done; echo the end; touch ${join(folder, "has-ended")}; exit 3`;
  const writing = await client.submitJob({ script: writes, resources: SMALL });
  const ending = await client.submitJob({ script: ends, resources: SMALL });
  await waitFor("both to run", async () => (await client.listJobs({ state: "running" })).jobs.length === 2);

  const acknowledged: string[] = [];
  let refusal: unknown;
  for (let count = 0; refusal === undefined && count < 5000; count++) {
    // Some go on being accepted: the log has room left in the space that it already has.
    if (count === 20) disk.fill();
    await client.submitJob({ command: ["true"], resources: { gpus: 99 } }, { idempotencyKey: `key-${count}` }).then(
      () => acknowledged.push(`key-${count}`),
      (error: unknown) => (refusal = error),
    );
  }
  expect(refusal).toMatchObject({ code: "storage.full" });
  expect(acknowledged.length).toBeGreaterThanOrEqual(20);
  expect(await codeOf("/readyz")).toBe("storage.full");
  const submission = {
    method: "POST",
    headers: { ...headers, "content-type": "application/json" },
    body: '{"command":["true"]}',
  };
  expect((await fetch(`${url}/v1/jobs`, submission)).status).toBe(503);
  expect((await fetch(`${url}/healthz`)).status).toBe(200);

  writeFileSync(join(folder, "end"), "");
  await waitFor("one job to end on its node", () => readable(join(folder, "has-ended")));
  await waitFor("output to be refused", () => coordinator.said("output.writeFailed"));
  const heardBefore = (await client.getNode("local")).lastHeardAt ?? "";
  const beats = async (): Promise<boolean> => ((await client.getNode("local")).lastHeardAt ?? "") > heardBefore;
  await waitFor("a further heartbeat", beats);
  // Many turns were tried by now, those with the end of the job in them too; nothing of it is known.
  expect((await client.getJob(ending.id)).state).toBe("running");
  const sizeBefore = readFileSync(witness).byteLength;
  await waitFor("the other to go on writing", () => readFileSync(witness).byteLength > sizeBefore + 100_000);
  expect((await client.getNode("local")).link).toBe("online");
  expect(await codeOf("/readyz")).toBe("storage.full");
  await expectMemoryEqualsDisk(coordinator, join(dataDir, "drover.db"), disk.within);

  disk.free();
  await waitFor("the coordinator to be ready", async () => (await fetch(`${url}/readyz`)).ok);
  await waitFor("it to say so", () => coordinator.said("store.recovered"));
  await waitFor("the end to arrive", async () => (await client.getJob(ending.id)).endedAt !== null);
  expect((await client.getJob(ending.id)).tasks[0]?.attempts).toMatchObject([{ outcome: { type: "exited", code: 3 } }]);
  expect(await (await fetch(`${url}/v1/jobs/${ending.id}/output`, { headers })).text()).toBe("the end\n");
  writeFileSync(join(folder, "stop"), "");
  await waitFor("the other to end", async () => (await client.getJob(writing.id)).endedAt !== null);
  const output = Buffer.from(await (await fetch(`${url}/v1/jobs/${writing.id}/output`, { headers })).arrayBuffer());
  expect(output.equals(readFileSync(witness))).toBe(true);
  await expectMemoryEqualsDisk(coordinator, join(dataDir, "drover.db"), disk.within);

  await coordinator.kill();
  await using restarted = await CoordinatorProcess.start(how);
  // Each is known again under its key.
  const again = { command: ["true"], resources: { gpus: 99 } };
  for (const idempotencyKey of acknowledged) await restarted.client.submitJob(again, { idempotencyKey });
  const { jobs } = await restarted.client.listJobs({ limit: 500 });
  expect(jobs).toHaveLength(acknowledged.length + 2);
});

test("on a full disk a start and a backup are refused in one line each", async (context) => {
  const whyNot = whyNoSmallDisk();
  if (whyNot !== null) return context.skip(whyNot);
  await using disk = await SmallDisk.mount(DISK_BYTES);
  const [dataDir, { within }] = [join(disk.path, "coordinator"), disk];
  await (await CoordinatorProcess.start({ dataDir, within })).stop();
  disk.fill();
  const start = await runCommand(["--data-dir", dataDir, "--listen", "127.0.0.1:0"], { within });
  expect(start).toEqual({ exitCode: 1, said: expect.stringMatching(/^drover-coordinator: storage\.full: [^\n]+\n$/) });
  const backup = await runCommand(["backup", join(disk.path, "backup.db"), "--data-dir", dataDir], { within });
  expect(backup).toEqual({
    exitCode: 1,
    said: expect.stringMatching(/^drover-coordinator: backup\.unusable: [^\n]+\n$/),
  });
  disk.free();
  await (await CoordinatorProcess.start({ dataDir, within })).stop();
});

function readable(path: string): boolean {
  return readFileSync(path).byteLength >= 0;
}
