import { closeSync, existsSync, openSync, renameSync, rmSync } from "node:fs";
import Database from "better-sqlite3";
import { DroverError } from "@drover/shared/errors.ts";
import { makeDirectory, syncPath } from "../durable-files.ts";
import { dropCleanStop, lastStop, noteCleanStop, type Stop } from "./clean-stop.ts";
import { databaseFiles, isUnused, withCompanions, type DatabaseFiles } from "./database-files.ts";
import { findDamage, schemaVersionOf } from "./find-damage.ts";
import { findLogDamage } from "./find-log-damage.ts";
import { INITIAL } from "./migrations/0001-initial.ts";
import { NODES } from "./migrations/0002-nodes.ts";
import { JOB_DEPENDENCIES } from "./migrations/0003-job-dependencies.ts";
import { NODE_HEALTH } from "./migrations/0004-node-health.ts";
import { USAGE_AND_RELEASES } from "./migrations/0005-usage-and-releases.ts";
import { GPU_SHARES } from "./migrations/0006-gpu-shares.ts";
import { PRIORITY } from "./migrations/0007-priority.ts";
import { ACCESS } from "./migrations/0008-access.ts";
import { MODELS } from "./migrations/0009-models.ts";
import { EXPECTED_DURATIONS } from "./migrations/0010-expected-durations.ts";
import { PLACEMENTS } from "./migrations/0011-placements.ts";
import { ENROLMENT } from "./migrations/0012-enrolment.ts";
import { damaged, unusableDirectory, withOpeningErrors } from "./storage-errors.ts";

/** In order; the schema's version is how many were applied. Forward only. */
export const MIGRATIONS: readonly string[] = [
  INITIAL,
  NODES,
  JOB_DEPENDENCIES,
  NODE_HEALTH,
  USAGE_AND_RELEASES,
  GPU_SHARES,
  PRIORITY,
  ACCESS,
  MODELS,
  EXPECTED_DURATIONS,
  PLACEMENTS,
  ENROLMENT,
];

export interface OpenedDatabase {
  database: Database.Database;
  /** The last coordinator did not close it, so all of it was read and found whole. */
  wasChecked: boolean;
}

/** Opens the data directory's database, brought up to this version's schema. */
export function openDatabase(dataDir: string): OpenedDatabase {
  return withOpeningErrors(dataDir, () => {
    const files = databaseFiles(dataDir);
    const isFirstStart = isUnused(files);
    if (!isFirstStart && !existsSync(files.database)) {
      throw damaged(dataDir, "drover.db is gone, and what belongs to it is there");
    }
    const stop = isFirstStart ? createDatabase(files) : lastStop(files);
    if (stop === "changed") throw damaged(dataDir, "drover.db is not as the coordinator left it when it was stopped");
    const logDamage = findLogDamage(files.log);
    if (logDamage !== null) throw damaged(dataDir, logDamage);
    const database = new Database(files.database, { fileMustExist: true });
    try {
      const version = schemaVersionOf(database);
      if (version > MIGRATIONS.length) throw newer(dataDir, version);
      // What is to the byte as it was left needs no second look.
      const damage = stop === "unclean" ? findDamage(database, MIGRATIONS) : null;
      if (damage !== null) throw damaged(dataDir, damage);
      dropCleanStop(files);
      // WAL lets readers look while a turn is written; FULL makes each commit survive a power cut.
      database.pragma("journal_mode = WAL");
      database.pragma("synchronous = FULL");
      migrate(database);
    } catch (error) {
      database.close();
      throw error;
    }
    return { database, wasChecked: stop === "unclean" };
  });
}

/** Closes it and notes what it was; where that is not noted, the next start reads all of it. */
export function closeDatabase(database: Database.Database, dataDir: string, { asClean }: { asClean: boolean }): void {
  database.close();
  if (!asClean) return;
  try {
    noteCleanStop(databaseFiles(dataDir));
  } catch {
    // A full disk is no reason not to stop.
  }
}

/** Beside its place and then renamed: a database without a schema is never a first start that was cut off. */
function createDatabase(files: DatabaseFiles): Stop {
  for (const path of withCompanions(files.first)) rmSync(path, { force: true });
  closeSync(openSync(files.first, "wx", 0o600));
  const database = new Database(files.first);
  try {
    migrate(database);
  } finally {
    database.close();
  }
  syncPath(files.first);
  renameSync(files.first, files.database);
  syncPath(files.directory);
  return "clean";
}

export function newer(dataDir: string, version: number): DroverError {
  return new DroverError(
    "dataDir.newer",
    `${dataDir} has schema version ${version}; this version of Drover knows up to ${MIGRATIONS.length}.`,
  );
}

function migrate(database: Database.Database): void {
  const version = schemaVersionOf(database);
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
  let lock: Database.Database;
  try {
    makeDirectory(dataDir);
    lock = new Database(databaseFiles(dataDir).lock, { timeout: 0 });
    lock.exec("begin exclusive");
  } catch (error) {
    if (error instanceof Database.SqliteError && error.code.startsWith("SQLITE_BUSY")) {
      throw new DroverError("dataDir.locked", `Another coordinator uses ${dataDir}.`);
    }
    throw unusableDirectory(dataDir, error);
  }
  return () => lock.close();
}

export type { Database } from "better-sqlite3";
