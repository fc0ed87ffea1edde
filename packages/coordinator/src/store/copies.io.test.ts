import {
  chownSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "better-sqlite3";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { storedKeys, storeJobs } from "../testing/stored-jobs.ts";
import { backUp } from "./backup.ts";
import { MIGRATIONS } from "./database.ts";
import { INITIAL } from "./migrations/0001-initial.ts";
import { restore } from "./restore.ts";
import { openStore } from "./store.ts";

const NOW_MS = Date.UTC(2026, 10, 23, 12);

let folder: string;
let dataDir: string;
let file: string;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "drover-copies-"));
  dataDir = join(folder, "data");
  file = join(folder, "backup.db");
  await addJobs("first");
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function addJobs(...keys: string[]): Promise<void> {
  const store = openStore(dataDir);
  await storeJobs(store, keys);
  store.close();
}

function refused(code: string, message = ""): Error {
  return expect.objectContaining({ code, message: expect.stringContaining(message) }) as Error;
}

function changeDatabase(path: string, sql: string): void {
  const database = new Database(path);
  database.exec(sql);
  database.close();
}

describe("a backup", () => {
  test("holds what the database holds, is for its owner only, and comes with its checksum", () => {
    const { jobCount, sizeBytes, lastEventAtMs } = backUp(dataDir, file);
    expect({ jobCount, sizeBytes, lastEventAtMs }).toEqual({
      jobCount: 1,
      sizeBytes: statSync(file).size,
      lastEventAtMs: 1_700_000_000_000,
    });
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readdirSync(folder).toSorted()).toEqual(["backup.db", "backup.db.sha256", "data"]);
    restore(join(folder, "elsewhere"), file, NOW_MS);
    expect(storedKeys(join(folder, "elsewhere"))).toEqual(["first"]);
  });

  test("is taken while a coordinator has the database open, of what was committed", async () => {
    const store = openStore(dataDir);
    await storeJobs(store, ["second"]);
    expect(backUp(dataDir, file).jobCount).toBe(2);
    await storeJobs(store, ["third"]);
    store.close();
    expect(backUp(dataDir, file).jobCount).toBe(3);
  });

  test("of a stopped coordinator changes nothing in its directory", () => {
    const before = readdirSync(dataDir).map((name) => [name, readFileSync(join(dataDir, name), "base64")]);
    backUp(dataDir, file);
    expect(readdirSync(dataDir).map((name) => [name, readFileSync(join(dataDir, name), "base64")])).toEqual(before);
    expect(openStore(dataDir).opening).toEqual({ wasChecked: false, leftover: "none" });
  });

  test("is refused where there is no database, and makes no directory", () => {
    expect(() => backUp(join(folder, "nothing"), file)).toThrowError(refused("dataDir.noDatabase"));
    expect(existsSync(join(folder, "nothing"))).toBe(false);
  });

  test("is refused inside the data directory, whatever the path looks like", () => {
    for (const inside of [join(dataDir, "drover.db"), join(folder, "data/../data/copy.db")]) {
      expect(() => backUp(dataDir, inside)).toThrowError(refused("config.invalid", "data directory"));
    }
    expect(storedKeys(dataDir)).toEqual(["first"]);
  });

  test("is refused where no file can be made, and leaves nothing", () => {
    expect(() => backUp(dataDir, join(folder, "no/such/folder.db"))).toThrowError(refused("backup.unusable"));
    mkdirSync(file);
    expect(() => backUp(dataDir, file)).toThrowError(refused("backup.unusable"));
    expect(readdirSync(folder).toSorted()).toEqual(["backup.db", "data"]);
  });

  test("of a damaged database is refused, and the backup before stays", () => {
    backUp(dataDir, file);
    const before = readFileSync(file);
    truncateSync(join(dataDir, "drover.db"), 6 * 4096);
    expect(() => backUp(dataDir, file)).toThrowError(refused("dataDir.damaged"));
    expect(readFileSync(file).equals(before)).toBe(true);
    expect(readdirSync(folder).toSorted()).toEqual(["backup.db", "backup.db.sha256", "data"]);
  });

  test("of a newer version's database is refused", () => {
    changeDatabase(join(dataDir, "drover.db"), "pragma user_version = 99");
    expect(() => backUp(dataDir, file)).toThrowError(refused("dataDir.newer", "99"));
  });
});

describe("a restore", () => {
  test("puts the database before aside under the time, where it can be restored from again", async () => {
    backUp(dataDir, file);
    await addJobs("second");
    const { before, hadChecksum } = restore(dataDir, file, NOW_MS);
    expect({ before, hadChecksum }).toEqual({
      before: join(dataDir, "drover.db.before-20261123T120000.000Z"),
      hadChecksum: true,
    });
    expect(storedKeys(dataDir)).toEqual(["first"]);
    // At the same moment: no name is taken twice.
    restore(dataDir, before ?? "", NOW_MS);
    expect(storedKeys(dataDir)).toEqual(["first", "second"]);
    expect(readdirSync(dataDir).filter((name) => /before-\w+\.\w+$/.test(name))).toHaveLength(2);
  });

  test("is followed by a start that need not read all of it", () => {
    backUp(dataDir, file);
    restore(dataDir, file, NOW_MS);
    expect(openStore(dataDir).opening).toEqual({ wasChecked: false, leftover: "none" });
  });

  test("takes a database and the log that a crash left beside it", async () => {
    const store = openStore(dataDir);
    await storeJobs(store, ["second"]);
    for (const end of ["", "-wal"]) copyFileSync(join(dataDir, `drover.db${end}`), `${file}${end}`);
    store.close();
    expect(restore(join(folder, "elsewhere"), file, NOW_MS)).toMatchObject({ jobCount: 2, before: null });
    expect(storedKeys(join(folder, "elsewhere"))).toEqual(["first", "second"]);
  });

  test("takes a backup of an older version, which the next start brings up to its own", () => {
    const older = new Database(file);
    older.exec(INITIAL);
    older.pragma("user_version = 1");
    older.close();
    restore(dataDir, file, NOW_MS);
    expect(storedKeys(dataDir)).toEqual([]);
    const restored = new Database(join(dataDir, "drover.db"));
    expect(restored.pragma("user_version", { simple: true })).toBe(MIGRATIONS.length);
    restored.close();
  });

  test("is refused while a coordinator holds the directory", () => {
    backUp(dataDir, file);
    const store = openStore(dataDir);
    expect(() => restore(dataDir, file, NOW_MS)).toThrowError(refused("dataDir.locked"));
    store.close();
  });

  test.each<[string, string, string, (path: string) => void]>([
    ["that is no database", "backup.invalid", "not a database", (path) => writeFileSync(path, "a text\n".repeat(999))],
    ["of another program", "backup.invalid", "no schema version", (path) => changeDatabase(path, "create table t (x)")],
    ["that is empty", "backup.invalid", "no schema version", (path) => writeFileSync(path, "")],
    ["that is cut", "backup.invalid", "", (path) => truncateSync(backedUp(path), 6 * 4096)],
    [
      "whose schema was changed",
      "backup.invalid",
      "jobs_by_name",
      (path) => changeDatabase(backedUp(path), "drop index jobs_by_name"),
    ],
    ["that breaks a constraint", "backup.invalid", "CHECK", (path) => changeDatabase(backedUp(path), BREAK_CONSTRAINT)],
    ["of a newer version", "backup.newer", "99", (path) => changeDatabase(backedUp(path), "pragma user_version = 99")],
    ["that is not there", "backup.unusable", "ENOENT", () => {}],
    ["that is a directory", "backup.unusable", "not a file", (path) => mkdirSync(path)],
  ])("of a file %s is refused, and changes nothing", (_what, code, message, make) => {
    make(file);
    const before = readdirSync(dataDir);
    expect(() => restore(dataDir, file, NOW_MS)).toThrowError(refused(code, message));
    expect(readdirSync(dataDir)).toEqual(before);
    expect(storedKeys(dataDir)).toEqual(["first"]);
  });

  test("of a backup of which a single bit has changed is refused", () => {
    backUp(dataDir, file);
    const bytes = readFileSync(file);
    for (let at = 0; at < bytes.byteLength; at += 1999) {
      bytes[at] = (bytes[at] ?? 0) ^ 1;
      writeFileSync(file, bytes);
      expect(() => restore(dataDir, file, NOW_MS)).toThrowError(refused("backup.invalid", "checksum"));
      bytes[at] = (bytes[at] ?? 0) ^ 1;
    }
  });

  test.skipIf(process.geteuid?.() !== 0)("by root leaves the database to the directory's owner", () => {
    backUp(dataDir, file);
    chownSync(dataDir, 65_534, 65_534);
    const existing = readdirSync(dataDir);
    for (const name of existing) chownSync(join(dataDir, name), 65_534, 65_534);
    restore(dataDir, file, NOW_MS);
    const owners = readdirSync(dataDir).map((name) => statSync(join(dataDir, name)).uid);
    expect(new Set(owners)).toEqual(new Set([65_534]));
    expect(statSync(join(dataDir, "drover.db")).mode & 0o777).toBe(0o600);
  });
});

const BREAK_CONSTRAINT = "pragma ignore_check_constraints = on; update tasks set state = 'asleep'";

/** A backup without its checksum: what is done to it is to be found by looking at it. */
function backedUp(path: string): string {
  backUp(dataDir, path);
  rmSync(`${path}.sha256`);
  return path;
}
