import {
  chmodSync,
  chownSync,
  closeSync,
  copyFileSync,
  existsSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
} from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { DroverError } from "@drover/shared/errors.ts";
import { syncPath } from "../durable-files.ts";
import { checksumFileOf, checksumOf, readChecksum } from "./checksum-file.ts";
import { noteCleanStop } from "./clean-stop.ts";
import { describeCopy, type CopiedDatabase } from "./copied-database.ts";
import { lockDataDir, MIGRATIONS } from "./database.ts";
import { databaseFiles, withCompanions, type DatabaseFiles } from "./database-files.ts";
import { findDamage, schemaVersionOf } from "./find-damage.ts";
import { findLogDamage } from "./find-log-damage.ts";
import { isDamage, messageOf, withOpeningErrors } from "./storage-errors.ts";

export interface Restored extends CopiedDatabase {
  /** The backup came with its checksum. Otherwise only what breaks its structure has been looked for. */
  hadChecksum: boolean;
  /** Where the database before lies now; `null` where there was none. */
  before: string | null;
}

/** What an earlier restore that was cut off had left. */
export type Leftover = "none" | "finished" | "abandoned";

/**
 * Puts the backup in the database's place: `dataDir.locked` while a coordinator runs.
 *
 *   copy beside the database → read all of it → sync → "restored-…" → the present one aside → in its place
 *
 * Up to the name "restored-…" nothing has changed. From it on the restore will be done: whatever is cut off
 * is finished by the next start or the next restore, so there is always the old database or the new one.
 */
export function restore(dataDir: string, file: string, nowMs: number): Restored {
  refuseUnreadable(file);
  const unlock = lockDataDir(dataDir);
  try {
    return withOpeningErrors(dataDir, () => {
      const files = databaseFiles(dataDir);
      finishRestore(files);
      const copied = bringIn(file, files);
      const stamp = freeStamp(files, nowMs);
      renameSync(files.incoming, restoredName(files, stamp));
      syncPath(files.directory);
      finishRestore(files);
      noteCleanStop(files);
      giveToOwner(files);
      const before = beforeName(files, stamp);
      return { ...copied, before: existsSync(before) ? before : null };
    });
  } finally {
    unlock();
  }
}

/** Ends what was cut off; by whoever holds the data directory. */
export function finishRestore(files: DatabaseFiles): Leftover {
  const stamp = pendingStamp(files);
  if (stamp === null) return dropIncoming(files);
  const before = beforeName(files, stamp);
  // The log goes with its database: beside another one it would be taken for that one's newest commits.
  moveIfThere(files.database, before);
  moveIfThere(files.log, `${before}-wal`);
  moveIfThere(files.cleanStop, checksumFileOf(before));
  rmSync(files.logIndex, { force: true });
  syncPath(files.directory);
  renameSync(restoredName(files, stamp), files.database);
  syncPath(files.directory);
  return "finished";
}

function refuseUnreadable(file: string): void {
  try {
    closeSync(openSync(file, "r"));
    if (statSync(file).isFile()) return;
  } catch (error) {
    throw unreadable(file, messageOf(error), error);
  }
  throw unreadable(file, "it is not a file");
}

/** A copy in the data directory, checked there: what was checked is then what is used. */
function bringIn(file: string, files: DatabaseFiles): CopiedDatabase & { hadChecksum: boolean } {
  try {
    copyFileSync(file, files.incoming);
    const checksum = readChecksum(file);
    if (checksum !== null && checksum !== checksumOf(files.incoming)) throw invalid(file, "its checksum is another");
    // Set aside by an earlier restore after a crash, a database comes with its log.
    if (existsSync(`${file}-wal`)) copyFileSync(`${file}-wal`, `${files.incoming}-wal`);
    chmodSync(files.incoming, 0o600);
    const copied = readThrough(files.incoming, file);
    syncPath(files.incoming);
    return { ...copied, hadChecksum: checksum !== null };
  } catch (error) {
    dropIncoming(files);
    throw error;
  }
}

function readThrough(copy: string, file: string): CopiedDatabase {
  const logDamage = findLogDamage(`${copy}-wal`);
  if (logDamage !== null) throw invalid(file, logDamage);
  try {
    const database = new Database(copy);
    try {
      // Takes a log over into the file, so that the file is all there is.
      database.pragma("journal_mode = delete");
      const version = schemaVersionOf(database);
      if (version > MIGRATIONS.length) {
        throw new DroverError("backup.newer", `${file} has schema version ${version}, known is ${MIGRATIONS.length}.`);
      }
      const damage = findDamage(database, MIGRATIONS);
      if (damage !== null) throw invalid(file, damage);
      return describeCopy(database, copy);
    } finally {
      database.close();
    }
  } catch (error) {
    throw isDamage(error) ? invalid(file, error.message, error) : error;
  }
}

/** Restored by root, it is still the coordinator's. */
function giveToOwner({ directory, database, cleanStop, lock }: DatabaseFiles): void {
  if (process.geteuid?.() !== 0) return;
  const { uid, gid } = statSync(directory);
  for (const path of [database, cleanStop, lock]) chownSync(path, uid, gid);
}

function dropIncoming({ incoming }: DatabaseFiles): Leftover {
  const isThere = existsSync(incoming);
  for (const path of withCompanions(incoming)) rmSync(path, { force: true });
  return isThere ? "abandoned" : "none";
}

function moveIfThere(from: string, to: string): void {
  if (existsSync(from)) renameSync(from, to);
}

/** The time, as the names have it; a later one where that name is taken, because nothing is ever replaced. */
function freeStamp(files: DatabaseFiles, nowMs: number): string {
  for (let atMs = nowMs; ; atMs++) {
    const stamp = new Date(atMs).toISOString().replaceAll(/[-:]/g, "");
    if (!existsSync(beforeName(files, stamp))) return stamp;
  }
}

function pendingStamp(files: DatabaseFiles): string | null {
  const names = readdirSync(files.directory);
  return names.map((name) => /^drover\.db\.restored-(\w+\.\w+)$/.exec(name)?.[1]).find((stamp) => stamp) ?? null;
}

function restoredName({ directory }: DatabaseFiles, stamp: string): string {
  return join(directory, `drover.db.restored-${stamp}`);
}

function beforeName({ directory }: DatabaseFiles, stamp: string): string {
  return join(directory, `drover.db.before-${stamp}`);
}

function invalid(file: string, why: string, cause?: unknown): DroverError {
  return new DroverError("backup.invalid", `${file} cannot be restored: ${why}.`, { cause });
}

function unreadable(file: string, why: string, cause?: unknown): DroverError {
  return new DroverError("backup.unusable", `${file} could not be read: ${why}.`, { cause });
}
