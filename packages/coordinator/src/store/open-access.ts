import { existsSync } from "node:fs";
import Database from "better-sqlite3";
import { DroverError, isDroverError } from "@drover/shared/errors.ts";
import { prepareAccess, type AccessStore } from "./access-store.ts";
import { databaseFiles } from "./database-files.ts";
import { MIGRATIONS, newer } from "./database.ts";
import { schemaVersionOf } from "./find-damage.ts";
import { withOpeningErrors } from "./storage-errors.ts";
import { openStore } from "./store.ts";

/** Lets `use` at the tokens of a data directory, whether a coordinator runs on it or not. */
export function withAccessStore<T>(dataDir: string, use: (access: AccessStore) => T): T {
  if (!existsSync(databaseFiles(dataDir).database))
    throw new DroverError("dataDir.noDatabase", `${dataDir} holds no database.`);
  try {
    const store = openStore(dataDir);
    try {
      return use(store.access);
    } finally {
      store.close();
    }
  } catch (error) {
    if (!isDroverError(error) || error.code !== "dataDir.locked") throw error;
  }
  return besideTheCoordinator(dataDir, use);
}

/** SQLite lets one writer in after the other; the coordinator notices that another has written. */
function besideTheCoordinator<T>(dataDir: string, use: (access: AccessStore) => T): T {
  return withOpeningErrors(dataDir, () => {
    const database = new Database(databaseFiles(dataDir).database, { fileMustExist: true });
    try {
      const version = schemaVersionOf(database);
      if (version > MIGRATIONS.length) throw newer(dataDir, version);
      if (version < MIGRATIONS.length)
        throw new DroverError("dataDir.locked", "An older version of the coordinator runs on it; restart it first.");
      database.pragma("synchronous = FULL");
      return use(prepareAccess(database));
    } finally {
      database.close();
    }
  });
}
