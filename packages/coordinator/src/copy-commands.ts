import { basename } from "node:path";
import type { Clock } from "@drover/shared/clock.ts";
import { formatBytes, formatDuration } from "@drover/shared/units.ts";
import type { Invocation } from "./config.ts";
import { backUp } from "./store/backup.ts";
import type { CopiedDatabase } from "./store/copied-database.ts";
import { restore, type Restored } from "./store/restore.ts";

/** `backup` and `restore`: does it, and says what was done in one line. */
export function runCopyCommand(
  invocation: Extract<Invocation, { command: "backup" | "restore" }>,
  clock: Clock,
): string {
  const { command, dataDir, file, json } = invocation;
  const startedAtMs = clock.monotonicMs();
  const copied: CopiedDatabase & Partial<Restored> =
    command === "backup" ? backUp(dataDir, file) : restore(dataDir, file, clock.nowMs());
  const durationMs = Math.round(clock.monotonicMs() - startedAtMs);
  const { lastEventAtMs, ...counts } = copied;
  const lastEventAt = lastEventAtMs === null ? null : new Date(lastEventAtMs).toISOString();
  if (json) return JSON.stringify({ command, dataDir, file, ...counts, lastEventAt, durationMs });
  const jobs = copied.jobCount === 1 ? "1 job" : `${copied.jobCount} jobs`;
  const holds = `${jobs}, ${formatBytes(copied.sizeBytes)}, last change ${lastEventAt ?? "never"}`;
  const took = formatDuration(durationMs);
  if (command === "backup") return `backed up ${dataDir} into ${file}: ${holds}; checked, in ${took}`;
  const before = copied.before ? `; the database before is ${basename(copied.before)} there` : "";
  const checked = copied.hadChecksum ? "checked" : "checked without its .sha256";
  return `restored ${file} into ${dataDir}: ${holds}; ${checked}, in ${took}${before}`;
}
