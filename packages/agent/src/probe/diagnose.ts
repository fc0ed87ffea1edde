import type { Clock } from "@drover/shared/clock.ts";
import { Diagnosis } from "@drover/shared/domain/diagnosis.ts";
import { createRunTool } from "./run-tool.ts";

/** Longer than everything that the doctor itself gives a deadline to: a probe, a silent GPU, a burn test. */
const DOCTOR_TIMEOUT_MS = 120_000;

export interface DiagnoseOptions {
  burn: boolean;
  /** Never loaded. */
  heldGpuIds: readonly string[];
}

/** Has a process of its own (`drover-agent doctor --json`) look at everything; throws why there is no diagnosis. */
export async function diagnose(doctorCommand: readonly [string, ...string[]], clock: Clock): Promise<Diagnosis> {
  const [program, ...words] = doctorCommand;
  const run = await createRunTool(clock)(program, words, DOCTOR_TIMEOUT_MS);
  if (run === null) throw new Error(`there is no ${program}`);
  if (run.timedOut) throw new Error("no answer in time");
  try {
    return Diagnosis.parse(JSON.parse(run.stdout));
  } catch (cause) {
    const said = run.stderr.trim().split("\n").at(-1);
    throw new Error(said || `its answer makes no sense (exit ${run.exitCode})`, { cause });
  }
}
