import { copyFileSync, existsSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { CHECKOUT } from "../../support/local-fleet.ts";
import { runCommand } from "../machine/commands.ts";

const PROGRAM = join(CHECKOUT, "packages/coordinator/bin/drover-coordinator.mjs");

/** What a coordinator's database says of the promises that its coordinator made. */
export interface Remembered {
  jobIdByKey: ReadonlyMap<string, number>;
  attemptIds: ReadonlySet<string>;
}

/** Of a coordinator that does not run: what a killed one left in the write-ahead log is taken over. */
export function readDatabase(file: string): Remembered {
  const database = new Database(file, { fileMustExist: true });
  try {
    const jobs = database
      .prepare<[], { id: number; key: string }>(
        "select id, idempotency_key as key from jobs where idempotency_key is not null",
      )
      .all();
    const attempts = database.prepare<[], { id: string }>("select id from attempts").all();
    return {
      jobIdByKey: new Map(jobs.map(({ id, key }) => [key, id])),
      attemptIds: new Set(attempts.map(({ id }) => id)),
    };
  } finally {
    database.close();
  }
}

/** With the coordinator's own command, whether one runs there or not. */
export function backUpDatabase(dataDir: string, copy: string): Promise<void> {
  return runCommand([process.execPath, PROGRAM, "--data-dir", dataDir, "backup", copy]);
}

export function restoreDatabase(dataDir: string, copy: string): Promise<void> {
  return runCommand([process.execPath, PROGRAM, "--data-dir", dataDir, "restore", copy]);
}

/** Without any command, of a coordinator that does not run: the file, and what its last turns left beside it. */
export function copyDatabase(file: string, copy: string): void {
  for (const suffix of ["", "-wal"]) if (existsSync(file + suffix)) copyFileSync(file + suffix, copy + suffix);
}
