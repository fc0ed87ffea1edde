import type { Clock } from "@drover/shared/clock.ts";
import { createRunTool } from "../probe/run-tool.ts";

/** A slow line, 48 MB, and as much time again to unpack them. */
const UPGRADE_TIMEOUT_MS = 140_000;

/** In a process of its own (`drover-agent upgrade`): what it needs is never ours. Throws why there is no upgrade. */
export async function runUpgrade(command: readonly [string, ...string[]], clock: Clock): Promise<void> {
  const [program, ...words] = command;
  const run = await createRunTool(clock)(program, words, UPGRADE_TIMEOUT_MS);
  if (run === null) throw new Error(`there is no ${program}`);
  if (run.timedOut) throw new Error(`it was not done in ${UPGRADE_TIMEOUT_MS / 1000} s`);
  if (run.exitCode !== 0) throw new Error(run.stderr.trim().split("\n").at(-1) || `exit code ${run.exitCode}`);
}
