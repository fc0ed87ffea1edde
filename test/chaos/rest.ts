import { basename } from "node:path";
import { waitFor } from "../support/wait-for.ts";
import type { ChaosFleet } from "./fleet/chaos-fleet.ts";
import { markedProcesses } from "./machine/processes.ts";
import { AGENT_NAMES } from "./plan/fault.ts";

/**
 * Waits until nothing is under way anywhere: no job, no spool, no process of an attempt. Yields, in words, the
 * processes that stay all the same; what else does not end is for the verdict to name.
 */
export async function comeToRest(fleet: ChaosFleet, run: string, limitMs: number): Promise<string[]> {
  const isAtRest = async (): Promise<boolean> => {
    for (const state of ["queued", "running"] as const)
      if ((await fleet.client.listJobs({ state, limit: 1 })).jobs.length > 0) return false;
    return AGENT_NAMES.every((name) => fleet.spoolOf(name).length === 0) && leftovers(fleet, run).length === 0;
  };
  await waitFor("everything to end", isAtRest, limitMs).catch(() => {});
  return leftovers(fleet, run);
}

/** Processes of attempts: their commands and what those started, and the supervisors above them. */
function leftovers(fleet: ChaosFleet, run: string): string[] {
  const agentPids = AGENT_NAMES.map((name) => fleet.daemon(name).pid);
  return markedProcesses(run).flatMap(({ pid, parentPid, command, attemptId }) => {
    const program = basename(command[0] ?? "");
    // A launcher is the same program, and belongs to its agent.
    const isSupervisor = program === "drover-supervisor" && !agentPids.includes(parentPid);
    if (attemptId === null && !isSupervisor) return [];
    return [`process ${pid} (${program}) of ${attemptId ?? "some attempt"} is left`];
  });
}
