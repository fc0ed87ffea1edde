import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, expect, test } from "vitest";
import { openStore } from "@drover/coordinator/store/store.ts";
import { CHECKOUT } from "../support/local-fleet.ts";
import { CoordinatorProcess, runCommand } from "../storage/coordinator-process.ts";

const PAGE = readFileSync(join(CHECKOUT, "docs/operations.md"), "utf8");
const BLOCKS = [...PAGE.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, commands = ""]) => commands);
const [backup = "", restore = "", acceptChange = "", giveUpLog = "", fingerprint = "", resetAdmin = "", ...others] =
  BLOCKS;

const folder = mkdtempSync(join(tmpdir(), "drover-operations-"));
const dataDir = join(folder, "lib/drover");
afterAll(() => rmSync(folder, { recursive: true }));

/** As an operator would type it, with the page's paths in a folder of our own. */
function typed(commands: string): string {
  const program = `'${process.execPath}' '${join(CHECKOUT, "packages/coordinator/bin/drover-coordinator.mjs")}'`;
  const script = commands
    .replaceAll("/var/lib/drover", dataDir)
    .replaceAll("/backup/", `${folder}/backup/`)
    .replaceAll(/^drover-coordinator/gm, program);
  const env = { ...process.env, DROVER_DATA_DIR: dataDir };
  return execFileSync("/bin/sh", ["-ec", script], { env, encoding: "utf8" });
}

/** What the next start finds. */
function jobNames(): (string | null)[] {
  const store = openStore(dataDir);
  try {
    const jobs = store.history.jobs({ state: undefined, name: undefined, label: undefined, limit: 100 }, Infinity);
    return jobs.map(({ name }) => name).toReversed();
  } finally {
    store.close();
  }
}

// In the order of the page: each block finds what the ones before it have left.
test("the page's commands back up a running coordinator, restore it, accept what was changed or lost, say its fingerprint, and make an admin token", async () => {
  expect(others).toEqual([]);
  mkdirSync(join(folder, "backup"));
  const running = await CoordinatorProcess.start({ dataDir });
  await running.client.submitJob({ name: "before", command: ["true"] });
  expect(typed(backup)).toMatch(/^backed up .*: 1 job, .*; checked, in .*\n$/);
  await running.client.submitJob({ name: "since", command: ["true"] });
  await running.stop();
  expect(jobNames()).toEqual(["before", "since"]);

  expect(typed(restore)).toMatch(
    /^restored .*: 1 job, .*; checked, in .*; the database before is drover\.db\.before-.* there\n$/,
  );
  expect(jobNames()).toEqual(["before"]);

  const database = new DatabaseSync(join(dataDir, "drover.db"));
  database.exec("update jobs set name = 'changed'");
  database.close();
  await expectRefused();
  typed(acceptChange);
  expect(jobNames()).toEqual(["changed"]);

  const crashing = await CoordinatorProcess.start({ dataDir });
  await crashing.client.submitJob({ name: "in the log", command: ["true"] });
  await crashing.client.submitJob({ name: "in the log too", command: ["true"] });
  await crashing.kill();
  const log = join(dataDir, "drover.db-wal");
  const bytes = readFileSync(log);
  bytes[5000] = (bytes[5000] ?? 0) ^ 1;
  writeFileSync(log, bytes);
  await expectRefused();
  typed(giveUpLog);
  expect(jobNames()).toEqual(["changed"]);

  await (await CoordinatorProcess.start({ dataDir, options: ["--advertise", "localhost"] })).stop();
  expect(typed(fingerprint)).toMatch(/^[\w-]{43}\n$/);

  expect(typed(resetAdmin)).toMatch(/^drv_[\w-]{43}\n$/);
  expect(jobNames()).toEqual(["changed"]);
});

async function expectRefused(): Promise<void> {
  const { exitCode, said } = await runCommand(["--data-dir", dataDir, "--listen", "127.0.0.1:0"]);
  expect({ exitCode, said }).toEqual({
    exitCode: 1,
    said: expect.stringMatching(
      /^drover-coordinator: dataDir\.damaged: [^\n]+ `drover-coordinator restore FILE`[^\n]+\n$/,
    ),
  });
}
