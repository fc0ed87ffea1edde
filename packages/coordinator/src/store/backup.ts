import { closeSync, existsSync, openSync, realpathSync, renameSync, rmSync } from "node:fs";
import { basename, dirname, join, resolve, sep } from "node:path";
import Database from "better-sqlite3";
import { DroverError } from "@drover/shared/errors.ts";
import { removeFile, syncPath } from "../durable-files.ts";
import { checksumFileOf, checksumOf, writeChecksum } from "./checksum-file.ts";
import { describeCopy, type CopiedDatabase } from "./copied-database.ts";
import { MIGRATIONS, newer } from "./database.ts";
import { databaseFiles } from "./database-files.ts";
import { findDamage, schemaVersionOf } from "./find-damage.ts";
import { damaged, isDamage, isFault, messageOf } from "./storage-errors.ts";

/**
 * Copies the database into `file`, as it is at one moment, while a coordinator may be writing to it. Under
 * its final name the copy is always whole: it is made, read through and synced beside it. Its checksum comes
 * with it, in a file of its own.
 */
export function backUp(dataDir: string, file: string): CopiedDatabase {
  const { database } = databaseFiles(dataDir);
  if (!existsSync(database)) throw new DroverError("dataDir.noDatabase", `${dataDir} holds no database.`);
  const target = placeOf(file, dataDir);
  const unfinished = `${target}.${process.pid}.incoming`;
  try {
    closeSync(openSync(unfinished, "wx", 0o600));
    copy(database, unfinished, dataDir);
    const copied = readThrough(unfinished, dataDir);
    const checksum = checksumOf(unfinished);
    syncPath(unfinished);
    // Between the old file with its checksum and the new one with its own, there may be one without, never a wrong one.
    removeFile(checksumFileOf(target));
    renameSync(unfinished, target);
    writeChecksum(target, checksum);
    return copied;
  } catch (error) {
    if (isDamage(error)) throw damaged(dataDir, messageOf(error), error);
    throw isFault(error) ? unusableFile(file, error) : error;
  } finally {
    rmSync(unfinished, { force: true });
  }
}

/** Where the file really lies: in the data directory it would be lost with it, or even take its place. */
function placeOf(file: string, dataDir: string): string {
  try {
    const directory = realpathSync(dirname(resolve(file)));
    if (!`${directory}${sep}`.startsWith(`${realpathSync(dataDir)}${sep}`)) return join(directory, basename(file));
  } catch (error) {
    throw unusableFile(file, error);
  }
  throw new DroverError("config.invalid", `${file} lies in the data directory; a backup belongs elsewhere.`);
}

/**
 * One statement, and so one moment of the database: a reader in WAL mode, for whom the coordinator never
 * waits. Better than SQLite's page-wise backup: that begins anew with each commit of another process and
 * under load never ends (20 s on 480 MB were not enough); in one step it takes as long as this (6 to 7 s), but
 * copies damage along with the rest. docs/decisions/0013 has the figures.
 */
function copy(source: string, target: string, dataDir: string): void {
  const database = new Database(source, { fileMustExist: true });
  try {
    const version = schemaVersionOf(database);
    if (version > MIGRATIONS.length) throw newer(dataDir, version);
    database.prepare("vacuum into ?").run(target);
  } finally {
    database.close();
  }
}

function readThrough(file: string, dataDir: string): CopiedDatabase {
  const database = new Database(file, { readonly: true });
  try {
    const damage = findDamage(database, MIGRATIONS);
    if (damage !== null) throw damaged(dataDir, damage);
    return describeCopy(database, file);
  } finally {
    database.close();
  }
}

function unusableFile(file: string, cause: unknown): DroverError {
  return new DroverError("backup.unusable", `${file} could not be made: ${messageOf(cause)}.`, { cause });
}
