import { mkdirSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { DroverError } from "@drover/shared/errors.ts";
import { INITIAL } from "./migrations/0001-initial.ts";
import { NODES } from "./migrations/0002-nodes.ts";
import { JOB_DEPENDENCIES } from "./migrations/0003-job-dependencies.ts";
import { NODE_HEALTH } from "./migrations/0004-node-health.ts";

/** In order; the schema's version is how many were applied. Forward only. */
const MIGRATIONS: readonly string[] = [INITIAL, NODES, JOB_DEPENDENCIES, NODE_HEALTH];

export const DATABASE_FILE = "drover.db";

/** Opens the data directory's database, brought up to this version's schema. */
export function openDatabase(dataDir: string): Database.Database {
  const file = join(dataDir, DATABASE_FILE);
  let database: Database.Database;
  try {
    database = new Database(file);
    // WAL lets readers look while a turn is written; FULL makes each commit survive a power cut.
    database.pragma("journal_mode = WAL");
    database.pragma("synchronous = FULL");
  } catch (error) {
    throw unusable(dataDir, error);
  }
  try {
    migrate(database, dataDir);
  } catch (error) {
    database.close();
    throw error;
  }
  return database;
}

function migrate(database: Database.Database, dataDir: string): void {
  const version = database.pragma("user_version", { simple: true }) as number;
  if (version > MIGRATIONS.length) {
    throw new DroverError(
      "dataDir.newer",
      `${dataDir} has schema version ${version}; this version of Drover knows up to ${MIGRATIONS.length}.`,
    );
  }
  for (const [index, sql] of MIGRATIONS.slice(version).entries()) {
    database.transaction(() => {
      database.exec(sql);
      database.pragma(`user_version = ${version + index + 1}`);
    })();
  }
}

/**
 * Holds the data directory for this process until the returned function is called. The kernel keeps the
 * lock (a transaction that stays open on a file of its own), so it is gone with the process, however it
 * ended, and a left-over file means nothing.
 */
export function lockDataDir(dataDir: string): () => void {
  try {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw unusable(dataDir, error);
  }
  let lock: Database.Database;
  try {
    lock = new Database(join(dataDir, "coordinator.lock"), { timeout: 0 });
    lock.exec("begin exclusive");
  } catch (error) {
    if (error instanceof Database.SqliteError && error.code.startsWith("SQLITE_BUSY")) {
      throw new DroverError("dataDir.locked", `Another coordinator uses ${dataDir}.`);
    }
    throw unusable(dataDir, error);
  }
  return () => lock.close();
}

function unusable(dataDir: string, cause: unknown): DroverError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new DroverError("dataDir.unusable", `${dataDir} cannot be used: ${why}.`, { cause });
}

export type { Database } from "better-sqlite3";
