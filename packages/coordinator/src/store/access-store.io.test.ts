import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "better-sqlite3";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { storeJobs } from "../testing/stored-jobs.ts";
import { SETTINGS } from "../testing/scenario.ts";
import type { AuditRecord } from "./access-store.ts";
import { withAccessStore } from "./open-access.ts";
import { openStore, type Store } from "./store.ts";

const RECORD: AuditRecord = {
  atMs: 1,
  actor: "anna",
  role: "user",
  action: "job.submit",
  target: null,
  address: "127.0.0.1",
  verdict: "allowed",
  code: null,
};
const NEWEST = { actor: undefined, action: undefined, verdict: undefined, before: undefined, limit: 10 };

let dataDir: string;
let store: Store;
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), "drover-access-"));
  store = openStore(dataDir);
});
afterEach(() => {
  store.close();
  rmSync(dataDir, { recursive: true });
});

/** Actors of the trail, newest first, as another process finds them on the disk. */
function storedActors(): unknown[] {
  const database = new Database(join(dataDir, "drover.db"), { readonly: true });
  try {
    return database.prepare("select actor from audit order by id desc").pluck().all();
  } finally {
    database.close();
  }
}

describe("a line of the audit trail", () => {
  test("is written with the next turn, and not before", async () => {
    store.access.noteAudit(RECORD);
    expect(storedActors()).toEqual([]);
    await storeJobs(store, ["key"]);
    expect(storedActors()).toEqual(["anna"]);
    store.access.flushAudit();
    expect(storedActors()).toEqual(["anna"]);
  });

  test("that no turn has taken is written when it is asked for", () => {
    store.access.noteAudit(RECORD);
    store.access.flushAudit();
    expect(store.access.audit(NEWEST)).toMatchObject([RECORD]);
  });

  test("goes with a turn that fails, and waits for the next", async () => {
    const fleet = store.loadFleet(SETTINGS);
    await storeJobs(store, ["once"], fleet);
    const twice = store.loadFleet(SETTINGS);
    store.access.noteAudit(RECORD);
    // The same key again, from a fleet that does not know it: the index refuses it, and with it the whole turn.
    twice.jobs.put(999 as never, { ...twice.jobs.get(1 as never)!, id: 999 as never });
    await expect(store.commit(twice, [], 2)).rejects.toThrow("UNIQUE");
    expect(storedActors()).toEqual([]);
    store.access.flushAudit();
    expect(storedActors()).toEqual(["anna"]);
  });

  test("can neither be changed nor removed", () => {
    store.access.noteAudit(RECORD);
    store.access.flushAudit();
    const database = new Database(join(dataDir, "drover.db"));
    for (const sql of [
      "update audit set actor = 'bob'",
      "delete from audit",
      "insert or replace into audit select * from audit",
    ])
      expect(() => database.exec(sql), sql).toThrow();
    database.close();
    expect(storedActors()).toEqual(["anna"]);
  });
});

test("the tokens of a data directory can be seen to beside its coordinator and without it", () => {
  const token = {
    name: "admin",
    role: "admin",
    sha256: Buffer.alloc(32, 7),
    createdAtMs: 5,
    createdBy: "machine",
    revokedAtMs: null,
  } as const;
  const before = store.access.foreignVersion();
  withAccessStore(dataDir, (access) => access.insertToken(token, true, RECORD));
  expect(store.access.foreignVersion()).not.toBe(before);
  expect(store.access.tokens()).toMatchObject([token]);
  store.close();
  withAccessStore(dataDir, (access) => access.insertToken({ ...token, sha256: Buffer.alloc(32, 8) }, true, RECORD));
  // As it was left to the bit: the start finds no damage.
  store = openStore(dataDir);
  expect(store.opening.wasChecked).toBe(false);
  expect(store.access.tokens().map(({ revokedAtMs }) => revokedAtMs)).toEqual([5, null]);
  expect(() => withAccessStore(join(dataDir, "nowhere"), () => {})).toThrow("holds no database");
});
