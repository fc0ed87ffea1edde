import { copyFileSync, existsSync, rmSync } from "node:fs";
import Database from "better-sqlite3";

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

/** While its coordinator uses it: SQLite's own backup, which yields one state of it. */
export async function backUpDatabase(file: string, copy: string): Promise<void> {
  const database = new Database(file, { readonly: true, fileMustExist: true });
  try {
    await database.backup(copy);
  } finally {
    database.close();
  }
}

/** Of a coordinator that does not run: the file, and what its last turns left beside it. */
export function copyDatabase(file: string, copy: string): void {
  for (const suffix of ["", "-wal"]) {
    rmSync(copy + suffix, { force: true });
    if (existsSync(file + suffix)) copyFileSync(file + suffix, copy + suffix);
  }
  rmSync(`${copy}-shm`, { force: true });
}
