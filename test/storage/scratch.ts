import { existsSync, mkdtempSync, realpathSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const IN_MEMORY = "/dev/shm";

/** A new folder for what no disk needs to see, such as snapshots that are looked at once: in memory where it can be. */
export function scratchFolder(): string {
  const parent = existsSync(IN_MEMORY) ? IN_MEMORY : tmpdir();
  return mkdtempSync(join(realpathSync(parent), "drover-scratch-"));
}
