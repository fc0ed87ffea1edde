import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { checksumFileOf } from "./checksum-file.ts";

/** What a data directory holds beside the job output; docs/operations.md says it for operators. */
export interface DatabaseFiles {
  readonly directory: string;
  readonly database: string;
  /** SQLite's write-ahead log: the newest commits, until they are taken over into the database. */
  readonly log: string;
  /** SQLite's index of the log; made anew from it after a crash. */
  readonly logIndex: string;
  /** There while the coordinator is stopped, if it was stopped cleanly: see clean-stop.ts. */
  readonly cleanStop: string;
  /** A first database that is being made. */
  readonly first: string;
  /** A backup that is being brought in. */
  readonly incoming: string;
  /** On which a running coordinator holds a lock. */
  readonly lock: string;
  /** Job output, of which the database knows the names. */
  readonly output: string;
}

export function databaseFiles(directory: string): DatabaseFiles {
  const database = join(directory, "drover.db");
  return {
    directory,
    database,
    log: `${database}-wal`,
    logIndex: `${database}-shm`,
    cleanStop: checksumFileOf(database),
    first: `${database}.first`,
    incoming: `${database}.incoming`,
    lock: join(directory, "coordinator.lock"),
    output: join(directory, "output"),
  };
}

/** SQLite names what belongs to a database after it. */
export function withCompanions(database: string): string[] {
  return [database, `${database}-wal`, `${database}-shm`, `${database}-journal`];
}

/** Nothing of a coordinator is there; where only the database is missing, it was lost. */
export function isUnused({ database, log, cleanStop, output }: DatabaseFiles): boolean {
  return ![database, log, cleanStop, output].some((path) => existsSync(path));
}

export function hasLog({ log }: DatabaseFiles): boolean {
  return (statSync(log, { throwIfNoEntry: false })?.size ?? 0) > 0;
}
