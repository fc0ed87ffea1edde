import { cpSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { CHECKOUT } from "../support/local-fleet.ts";

/** What somebody needs who wants to know what happened: the run itself leaves nothing. Yields where it lies. */
export function keepEvidence(runFolder: string, seed: number, happenings: readonly string[]): string {
  const kept = join(CHECKOUT, ".drover/chaos", `seed-${seed}-${Date.now()}`);
  mkdirSync(kept, { recursive: true });
  for (const part of ["logs", "witness", "coordinator/data/drover.db"]) {
    const path = join(runFolder, part);
    if (existsSync(path)) cpSync(path, join(kept, basename(part)), { recursive: true });
  }
  writeFileSync(join(kept, "happenings"), `${happenings.join("\n")}\n`);
  return kept;
}

/** A coordinator that drops an input because of a defect of its own says so, and goes on. */
export function defectsIn(coordinatorLog: readonly string[]): string[] {
  return coordinatorLog
    .filter((line) => line.includes('"core.defect"'))
    .map((line) => `the coordinator met a defect: ${line}`);
}
