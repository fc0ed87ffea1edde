import Database from "better-sqlite3";
import { DroverError } from "@drover/shared/errors.ts";
import type { FleetEvent } from "@drover/shared/events.ts";
import type { Fleet, FleetSettings } from "../core/fleet.ts";
import { lockDataDir, openDatabase } from "./database.ts";
import { loadFleet } from "./load-fleet.ts";
import { prepareHistory, type History } from "./read-history.ts";
import { prepareTurnWriter, type WrittenTurn } from "./write-turn.ts";

export type { WrittenTurn };

/** How the engine keeps what a turn did. A promise, so that a store on another machine can stand here. */
export interface TurnStore {
  /** All of it or nothing; rejects with a `DroverError` of `storage.*` where nothing was written. */
  commit(fleet: Fleet, events: readonly FleetEvent[], atMs: number): Promise<WrittenTurn>;
  /** Writes something that nobody reads; rejects as `commit` would. */
  probe(atMs: number): Promise<void>;
}

export interface Store extends TurnStore {
  readonly history: History;
  loadFleet(settings: FleetSettings): Fleet;
  /** Drops some of the events beyond the newest `keep`, and says how many; `storage.*` where it cannot. */
  pruneEvents(keep: number): number;
  close(): void;
}

/** Opens a data directory for this process alone: `dataDir.locked`, `dataDir.newer`, `dataDir.unusable`. */
export function openStore(dataDir: string): Store {
  const unlock = lockDataDir(dataDir);
  try {
    const database = openDatabase(dataDir);
    const writeTurn = prepareTurnWriter(database);
    const writeProbe = database.prepare("insert or replace into probes (id, at_ms) values (1, ?)");
    const prune = database.prepare(
      "delete from events where id in (select id from events where id <= (select max(id) from events) - ? limit 10000)",
    );
    return {
      history: prepareHistory(database),
      loadFleet: (settings) => loadFleet(database, settings),
      async commit(fleet, events, atMs) {
        return withStorageErrors(() => writeTurn(fleet, events, atMs));
      },
      async probe(atMs) {
        withStorageErrors(() => writeProbe.run(atMs));
      },
      pruneEvents: (keep) => withStorageErrors(() => prune.run(keep).changes),
      close() {
        database.close();
        unlock();
      },
    };
  } catch (error) {
    unlock();
    throw error;
  }
}

/** The disk's doing, or another program's; a broken constraint is our own defect. */
const STORAGE_FAULTS = /^SQLITE_(FULL|IOERR|BUSY|READONLY|CANTOPEN|NOMEM|LOCKED)/;

function withStorageErrors<T>(write: () => T): T {
  try {
    return write();
  } catch (error) {
    throw error instanceof Database.SqliteError && STORAGE_FAULTS.test(error.code) ? storageError(error) : error;
  }
}

function storageError(error: InstanceType<typeof Database.SqliteError>): DroverError {
  return error.code === "SQLITE_FULL"
    ? new DroverError("storage.full", "The coordinator's disk is full.", { cause: error })
    : new DroverError("storage.failed", `The coordinator's store failed: ${error.message} (${error.code}).`, {
        cause: error,
      });
}
