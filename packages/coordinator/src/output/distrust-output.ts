import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { AttemptId } from "@drover/shared/domain/ids.ts";
import type { OutputStore } from "./output-store.ts";

/** Changes with every start of the machine; `null` where the system does not say. */
export function readBootId(): string | null {
  try {
    return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  } catch {
    return null;
  }
}

/**
 * Doubts the output of attempts that have not ended if the machine was restarted since it was written: a
 * power cut leaves of a file that was never synced its length, and of its bytes any. Their agents still
 * have them. Says of how many attempts.
 */
export function distrustOutput(
  dataDir: string,
  outputs: OutputStore,
  bootId: string | null,
  attemptIds: readonly AttemptId[],
): number {
  if (bootId !== null && bootId === readNote(dataDir)) return 0;
  const doubtful = attemptIds.filter((attemptId) => outputs.sizeOf(attemptId) > 0);
  // Unsynced: if the note is lost, so was the boot of which it speaks.
  const noteBoot = (): void => writeNote(dataDir, bootId ?? "");
  if (doubtful.length === 0) noteBoot();
  else outputs.doubt(doubtful, noteBoot);
  return doubtful.length;
}

function readNote(dataDir: string): string | null {
  try {
    return readFileSync(join(dataDir, "output/boot-id"), "utf8");
  } catch {
    return null;
  }
}

function writeNote(dataDir: string, bootId: string): void {
  try {
    mkdirSync(join(dataDir, "output"), { recursive: true, mode: 0o700 });
    writeFileSync(join(dataDir, "output/boot-id"), bootId);
  } catch {
    // On a full disk: the next start only fetches more than it has to.
  }
}
