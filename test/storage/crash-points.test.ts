import { copyFileSync, cpSync, mkdirSync, readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, expect, onTestFinished, test } from "vitest";
import { restore } from "@drover/coordinator/store/restore.ts";
import { openStore } from "@drover/coordinator/store/store.ts";
import { storedKeys, storeJobs } from "@drover/coordinator/testing/stored-jobs.ts";
import { CoordinatorProcess, runCommand } from "./coordinator-process.ts";
import { readJournal } from "./lossy-disk/journal.ts";
import { LossyDisk } from "./lossy-disk/lossy-disk.ts";
import { preload } from "./lossy-disk/preload.ts";
import { seededRandom } from "./random.ts";
import { scratchFolder } from "./scratch.ts";

const CUTS_PER_MOMENT = 2;

interface Recorded {
  /** Calls `look` with what a power cut at each moment of the program leaves; at the last, with what it left itself. */
  cutEverywhere(look: (root: string, moment: number) => void): void;
  root: string;
}

/** Runs a program on files that `prepare` makes, and writes down what it does to them. */
async function record(
  prepare: (root: string) => Promise<void> | void,
  run: (root: string, env: Record<string, string>, journal: string) => Promise<void>,
): Promise<Recorded> {
  const folder = scratchFolder();
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const [root, before, journal] = [join(folder, "root"), join(folder, "before"), join(folder, "journal")];
  mkdirSync(root);
  await prepare(root);
  cpSync(root, before, { recursive: true });
  await run(root, preload({ root, journal }), journal);
  return {
    root,
    cutEverywhere(look) {
      const disk = new LossyDisk(root, before, { random: seededRandom(1) });
      const snapshot = join(folder, "snapshot");
      let moments = 0;
      for (const { record: done, endOffset } of readJournal(journal)) {
        disk.apply(done);
        moments++;
        for (let i = 0; i < CUTS_PER_MOMENT; i++) {
          disk.writeAfterPowerCut(snapshot);
          look(snapshot, endOffset);
          rmSync(snapshot, { recursive: true });
        }
      }
      expect(moments).toBeGreaterThan(10);
      look(root, Infinity);
    },
  };
}

/** A data directory as a crash leaves it: the newest jobs are in the log only. */
async function makeCrashed(dataDir: string, keys: readonly string[]): Promise<void> {
  const living = `${dataDir}.living`;
  const store = openStore(living);
  await storeJobs(store, keys);
  mkdirSync(dataDir);
  for (const name of ["drover.db", "drover.db-wal", "drover.db-shm"])
    copyFileSync(join(living, name), join(dataDir, name));
  store.close();
  rmSync(living, { recursive: true });
}

async function makeBackup(file: string, keys: readonly string[]): Promise<void> {
  const dataDir = `${file}.data`;
  const store = openStore(dataDir);
  await storeJobs(store, keys);
  store.close();
  mkdirSync(join(file, ".."), { recursive: true });
  expect(await runCommand(["backup", file, "--data-dir", dataDir])).toMatchObject({ exitCode: 0 });
  rmSync(dataDir, { recursive: true });
}

function keysIn(database: string): string[] {
  const opened = new DatabaseSync(database);
  const rows = opened.prepare("select idempotency_key as key from jobs order by id").all();
  opened.close();
  return rows.map(({ key }) => String(key));
}

describe("a power cut at any moment", () => {
  test("of a restore leaves the old database or the new one, and the old one is never lost", async () => {
    const [oldKeys, newKeys] = [
      ["old-1", "old-2"],
      ["new-1", "new-2", "new-3"],
    ];
    const { cutEverywhere, root } = await record(
      async (root) => {
        await makeCrashed(join(root, "data"), oldKeys);
        await makeBackup(join(root, "backup.db"), newKeys);
      },
      async (root, env) => {
        const { exitCode, said } = await runCommand(
          ["restore", join(root, "backup.db"), "--data-dir", join(root, "data")],
          { env },
        );
        expect({ exitCode, said }).toEqual({
          exitCode: 0,
          said: expect.stringMatching(/^restored [^\n]* 3 jobs,[^\n]*\n$/),
        });
      },
    );
    const seen = { old: 0, new: 0 };
    cutEverywhere((snapshot) => {
      const dataDir = join(snapshot, "data");
      const keys = storedKeys(dataDir);
      expect([oldKeys, newKeys]).toContainEqual(keys);
      const isNew = keys[0] === newKeys[0];
      seen[isNew ? "new" : "old"]++;
      const before = readdirSync(dataDir).filter((name) => /^drover\.db\.before-\w+\.\w+$/.test(name));
      expect(before).toHaveLength(isNew ? 1 : 0);
      if (isNew) expect(keysIn(join(dataDir, before[0] ?? ""))).toEqual(oldKeys);
      expect(readdirSync(dataDir).filter((name) => /incoming|restored|first/.test(name))).toEqual([]);
      if (snapshot === root) expect(isNew).toBe(true);
    });
    expect(Math.min(seen.old, seen.new)).toBeGreaterThan(5);
  });

  test("of a backup leaves under its name the backup before or the new one, each whole", async () => {
    const [oldKeys, newKeys] = [["1"], ["1", "2", "3", "4"]];
    const { cutEverywhere, root } = await record(
      async (root) => {
        await makeCrashed(join(root, "data"), newKeys);
        await makeBackup(join(root, "backups/drover.db"), oldKeys);
      },
      async (root, env) => {
        const file = join(root, "backups/drover.db");
        expect(await runCommand(["backup", file, "--data-dir", join(root, "data")], { env })).toMatchObject({
          exitCode: 0,
        });
      },
    );
    cutEverywhere((snapshot) => {
      const [file, elsewhere] = [join(snapshot, "backups/drover.db"), join(snapshot, "elsewhere")];
      restore(elsewhere, file, 0);
      const keys = storedKeys(elsewhere);
      expect([oldKeys, newKeys]).toContainEqual(keys);
      if (snapshot === root) expect(keys).toEqual(newKeys);
      expect(storedKeys(join(snapshot, "data"))).toEqual(newKeys);
    });
  });

  test("of the first start, the first job and the first stop leaves what the next start can use", async () => {
    let acknowledgedAt = Infinity;
    const { cutEverywhere } = await record(
      () => {},
      async (root, env, journal) => {
        const coordinator = await CoordinatorProcess.start({ dataDir: join(root, "below/data"), env });
        await coordinator.client.submitJob({ command: ["true"] }, { idempotencyKey: "first" });
        acknowledgedAt = statSync(journal).size;
        await coordinator.stop();
      },
    );
    cutEverywhere((snapshot, moment) => {
      const keys = storedKeys(join(snapshot, "below/data"));
      expect(moment < acknowledgedAt ? [[], ["first"]] : [["first"]]).toContainEqual(keys);
    });
  });
});
