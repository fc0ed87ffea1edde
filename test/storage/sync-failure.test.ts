import { cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { DroverClient } from "@drover/shared/client/client.ts";
import type { AttemptId } from "@drover/shared/domain/ids.ts";
import { storedKeys } from "@drover/coordinator/testing/stored-jobs.ts";
import { waitFor } from "../support/wait-for.ts";
import { AgentProcess } from "./agent-process.ts";
import { CoordinatorProcess } from "./coordinator-process.ts";
import { preload } from "./lossy-disk/preload.ts";
import { expectMemoryEqualsDisk } from "./memory-and-disk.ts";
import type { BusyRun, Promised } from "./power-loss/busy-run.ts";
import { checkSnapshots } from "./power-loss/check-snapshots.ts";
import { seededRandom } from "./random.ts";

let run: BusyRun;
let dataDir: string;
let faults: string;
beforeEach(() => {
  const folder = mkdtempSync(join(realpathSync(tmpdir()), "drover-sync-"));
  const [root, before] = [join(folder, "root"), join(folder, "before")];
  mkdirSync(root);
  cpSync(root, before, { recursive: true });
  run = { folder, root, before, journal: join(folder, "journal"), promises: [], durationMs: 0 };
  dataDir = join(root, "coordinator");
  faults = join(folder, "faults");
});
afterEach(() => rmSync(run.folder, { recursive: true }));

function start(): Promise<CoordinatorProcess> {
  return CoordinatorProcess.start({ dataDir, env: preload({ root: run.root, journal: run.journal, faults }) });
}

/** From now on, for files whose path ends so. */
function failSyncsOf(end: string): void {
  writeFileSync(faults, end);
}

function promise(promised: Omit<Extract<Promised, { kind: "submission" }>, "at" | "kind">): void {
  run.promises.push({ kind: "submission", ...promised, at: statSync(run.journal).size });
}

async function submit(client: DroverClient, key: string): Promise<void> {
  const submission = { name: key, command: ["true"], resources: { gpus: 9 }, array: { size: 5 } };
  const { id } = await client.submitJob(submission, { idempotencyKey: key });
  promise({ jobId: id, idempotencyKey: key, name: key, taskCount: 5 });
}

/** With what failed, nothing that was promised before or after may go. */
function expectPromisesKept(): void {
  expect(checkSnapshots(run, 8, { random: seededRandom(run.promises.length) }).broken).toEqual([]);
}

test("a commit whose sync fails is refused, and is not there after a crash either", async () => {
  await using coordinator = await start();
  const { client } = coordinator;
  await submit(client, "before");
  failSyncsOf("drover.db-wal");
  for (const key of ["refused-1", "refused-2"]) {
    await expect(submit(client, key)).rejects.toMatchObject({ code: "storage.failed" });
    await expectMemoryEqualsDisk(coordinator, join(dataDir, "drover.db"));
  }
  await coordinator.kill();
  rmSync(faults);
  expect(storedKeys(dataDir)).toEqual(["before"]);
});

test("a failing disk makes the coordinator unready, and when it works again all goes on without a restart", async () => {
  await using coordinator = await start();
  const { client, url } = coordinator;
  const keys = Array.from({ length: 12 }, (_, index) => `key-${index}`);
  for (const [index, key] of keys.entries()) {
    if (index % 4 !== 3) {
      await submit(client, key);
      continue;
    }
    failSyncsOf("drover.db-wal");
    await expect(submit(client, key)).rejects.toMatchObject({ code: "storage.failed" });
    expect((await fetch(`${url}/readyz`)).status).toBe(503);
    rmSync(faults);
    await waitFor("the coordinator to be ready", () => coordinator.isReady());
    await expectMemoryEqualsDisk(coordinator, join(dataDir, "drover.db"));
    await submit(client, key);
  }
  await coordinator.kill();
  expect(storedKeys(dataDir)).toEqual(keys);
  expectPromisesKept();
});

test("a checkpoint whose sync fails loses nothing: what is in the log stays there", async () => {
  const coordinator = await start();
  failSyncsOf("/drover.db");
  // Enough for the log to be taken over several times, if that worked.
  const large = { command: ["true", "x".repeat(200_000)], resources: { gpus: 9 } };
  for (let count = 0; count < 30; count++) await coordinator.client.submitJob(large);
  await submit(coordinator.client, "last");
  expect(statSync(join(dataDir, "drover.db-wal")).size).toBeGreaterThan(5_000_000);
  await coordinator.stop();
  expectPromisesKept();
  rmSync(faults);
  expect(storedKeys(dataDir).at(-1)).toBe("last");
});

test("output whose sync fails is fetched again from its beginning, before its agent may forget it", async () => {
  await using coordinator = await start();
  await using _agent = await AgentProcess.start({ coordinator, dataDir: join(run.folder, "agent") });
  failSyncsOf(".log");
  const { id } = await coordinator.client.submitJob({ command: ["seq", "20000"], resources: { cpus: 0.1 } });
  await waitFor("a seal to fail", () => coordinator.said("output.writeFailed"));
  expect((await coordinator.client.getJob(id)).endedAt).toBeNull();
  rmSync(faults);
  await waitFor("the job to end", async () => (await coordinator.client.getJob(id)).endedAt !== null);
  const { tasks } = await coordinator.client.getJob(id);
  const attemptId = tasks[0]?.attempts[0]?.id as AttemptId;
  const output = Array.from({ length: 20_000 }, (_, index) => `${index + 1}\n`).join("");
  run.promises.push({ kind: "end", attemptId, output, at: statSync(run.journal).size });
  expectPromisesKept();
});
