import type { FleetEvent } from "@drover/shared/events.ts";
import type { Fleet, FleetSettings } from "../core/fleet.ts";
import { prepareAccess, type AccessStore } from "./access-store.ts";
import { databaseFiles } from "./database-files.ts";
import { closeDatabase, lockDataDir, openDatabase } from "./database.ts";
import { prepareEnrolment, type EnrolmentStore } from "./enrolment-store.ts";
import { loadFleet } from "./load-fleet.ts";
import { prepareHistory, type History } from "./read-history.ts";
import { finishRestore, type Leftover } from "./restore.ts";
import { isFault, withDamageErrors, withOpeningErrors, withStorageErrors } from "./storage-errors.ts";
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
  readonly access: AccessStore;
  readonly enrolment: EnrolmentStore;
  /** What had to be seen to before it could be opened. */
  readonly opening: { wasChecked: boolean; leftover: Leftover };
  loadFleet(settings: FleetSettings): Fleet;
  /** Drops some of the events beyond the newest `keep`, and says how many; `storage.*` where it cannot. */
  pruneEvents(keep: number): number;
  close(): void;
}

/** Opens a data directory for this process alone: `dataDir.*` and `storage.full` say why it cannot be. */
export function openStore(dataDir: string): Store {
  const unlock = lockDataDir(dataDir);
  try {
    const leftover = withOpeningErrors(dataDir, () => finishRestore(databaseFiles(dataDir)));
    const { database, wasChecked } = openDatabase(dataDir);
    let isDamaged = false;
    const guard = <T>(work: () => T): T =>
      withStorageErrors(work, () => {
        isDamaged = true;
      });
    const access = prepareAccess(database);
    const writeTurn = prepareTurnWriter(database, access.writeAudit);
    const writeProbe = database.prepare("insert or replace into probes (id, at_ms) values (1, ?)");
    const prune = database.prepare(
      "delete from events where id in (select id from events where id <= (select max(id) from events) - ? limit 10000)",
    );
    /** What is not written must not be found written by the next start either. */
    const durably = <T>(write: () => T): T =>
      guard(() => {
        try {
          return write();
        } catch (error) {
          if (isFault(error)) coverFailedTurn(() => writeProbe.run(0));
          throw error;
        }
      });
    return {
      opening: { wasChecked, leftover },
      history: guarded(prepareHistory(database), guard),
      access: guarded(access, durably),
      enrolment: guarded(prepareEnrolment(database), durably),
      loadFleet(settings) {
        const load = (): Fleet => loadFleet(database, settings);
        // What is to the byte as it was left holds what we wrote; after a crash nobody can say that of each row.
        return wasChecked ? withDamageErrors(dataDir, load) : withOpeningErrors(dataDir, load);
      },
      async commit(fleet, events, atMs) {
        const written = durably(() => writeTurn(fleet, events, atMs));
        access.auditIsWritten();
        return written;
      },
      async probe(atMs) {
        guard(() => writeProbe.run(atMs));
      },
      pruneEvents: (keep) => guard(() => prune.run(keep).changes),
      close() {
        // What was found damaged is to be read through by the next start, and refused.
        closeDatabase(database, dataDir, { asClean: !isDamaged });
        unlock();
      },
    };
  } catch (error) {
    unlock();
    throw error;
  }
}

/**
 * SQLite writes a turn into its log and then syncs the log. Where the sync fails the turn is rolled back, in
 * this process: in the log it lies whole, and the next start would find it there and take it for committed,
 * although its callers were told that nothing was accepted. The next write lies over it, so one is made at
 * once. It may fail to be synced as well, which is no harm: it says nothing.
 */
function coverFailedTurn(write: () => void): void {
  try {
    write();
  } catch {
    // The turn's own failure is the one to tell.
  }
}

/** What cannot be read, or written, is answered with `storage.*`, not as a defect of ours. */
function guarded<Functions extends object>(functions: Functions, guard: <T>(work: () => T) => T): Functions {
  const reads = Object.entries(functions) as [string, (...args: unknown[]) => unknown][];
  return Object.fromEntries(
    reads.map(([name, read]) => [name, (...args: unknown[]) => guard(() => read(...args))]),
  ) as unknown as Functions;
}
