import { statSync } from "node:fs";
import type { Database } from "./database.ts";

/** What a copy of the database holds, for the line that a backup or a restore ends with. */
export interface CopiedDatabase {
  jobCount: number;
  sizeBytes: number;
  /** When the newest change in it was; `null` where nothing ever happened. */
  lastEventAtMs: number | null;
}

export function describeCopy(database: Database, file: string): CopiedDatabase {
  const jobCount = database.prepare<[], number>("select count(*) from jobs").pluck().get() ?? 0;
  const newestEvent = database.prepare<[], number>("select at_ms from events order by id desc limit 1").pluck();
  return { jobCount, sizeBytes: statSync(file).size, lastEventAtMs: newestEvent.get() ?? null };
}
