import type { AttemptId } from "@drover/shared/domain/ids.ts";
import type { Claim } from "../spool/records.ts";
import { killCgroup } from "./cgroup.ts";
import { findByEnvironment, isProcessAlive } from "./processes.ts";

/** The supervisors of this node's attempts, as the agent can reach them: by request, by signal, by /proc. */
export interface Supervisors {
  start(attemptId: AttemptId): void;
  /** The file `stop` in the spool says why. */
  stop(claim: Claim): void;
  isAlive(claim: Claim): boolean;
  /** Kills what a supervisor that died left running. */
  killLeftovers(attemptId: AttemptId, cgroup: string | null): void;
  /** Removes the attempt's whole directory, whatever its task put there. */
  removeDirectory(attemptId: AttemptId): void;
}

/** `request` reaches the launcher. */
export function createSupervisors(request: (verb: "start" | "remove", attemptId: AttemptId) => void): Supervisors {
  const isAlive = (claim: Claim) => isProcessAlive(claim.supervisorPid, claim.supervisorStartTicks);
  return {
    isAlive,
    start: (attemptId) => request("start", attemptId),
    removeDirectory: (attemptId) => request("remove", attemptId),

    stop(claim) {
      if (isAlive(claim)) sendSignal(claim.supervisorPid, "SIGTERM");
    },

    killLeftovers(attemptId, cgroup) {
      if (cgroup !== null) killCgroup(cgroup);
      for (const pid of findByEnvironment(`DROVER_ATTEMPT_ID=${attemptId}`)) sendSignal(pid, "SIGKILL");
    },
  };
}

function sendSignal(pid: number, signal: "SIGTERM" | "SIGKILL"): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It ended in between, which is what was wanted.
  }
}
