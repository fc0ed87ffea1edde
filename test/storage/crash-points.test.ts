import { copyFileSync, cpSync, existsSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, expect, onTestFinished, test } from "vitest";
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
  cutEverywhere(look: (root: string) => void): void;
  root: string;
}

/** Runs a program on files that `prepare` makes, and writes down what it does to them. */
async function record(
  prepare: (root: string) => Promise<void> | void,
  run: (root: string, env: Record<string, string>) => Promise<void>,
): Promise<Recorded> {
  const folder = scratchFolder();
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const [root, before, journal] = [join(folder, "root"), join(folder, "before"), join(folder, "journal")];
  mkdirSync(root);
  await prepare(root);
  cpSync(root, before, { recursive: true });
  await run(root, preload({ root, journal }));
  return {
    root,
    cutEverywhere(look) {
      const disk = new LossyDisk(root, before, { random: seededRandom(1) });
      const snapshot = join(folder, "snapshot");
      let moments = 0;
      for (const { record: done } of readJournal(journal)) {
        disk.apply(done);
        moments++;
        for (let i = 0; i < CUTS_PER_MOMENT; i++) {
          disk.writeAfterPowerCut(snapshot);
          look(snapshot);
          rmSync(snapshot, { recursive: true });
        }
      }
      expect(moments).toBeGreaterThan(10);
      look(root);
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
      expect(readdirSync(dataDir).filter((name) => /incoming|restored/.test(name))).toEqual([]);
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
      const keys = keysIn(join(snapshot, "backups/drover.db"));
      expect([oldKeys, newKeys]).toContainEqual(keys);
      if (snapshot === root) expect(keys).toEqual(newKeys);
      expect(storedKeys(join(snapshot, "data"))).toEqual(newKeys);
    });
  });

  test("of the first start and the first stop leaves what the next start can use", async () => {
    const { cutEverywhere } = await record(
      () => {},
      async (root, env) => {
        const coordinator = await CoordinatorProcess.start({ dataDir: join(root, "below/data"), env });
        await coordinator.stop();
      },
    );
    cutEverywhere((snapshot) => {
      expect(storedKeys(join(snapshot, "below/data"))).toEqual([]);
      expect(existsSync(join(snapshot, "below/data/drover.db.sha256"))).toBe(true);
    });
  });
});
