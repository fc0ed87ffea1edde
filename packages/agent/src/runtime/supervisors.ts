import type { AttemptId } from "@drover/shared/domain/ids.ts";
import type { FileSystem } from "../machine/file-system.ts";
import type { Claim } from "../spool/records.ts";
import { killCgroup } from "./cgroup.ts";
import { findByEnvironment, findInOrphanedGroup, isProcessAlive } from "./processes.ts";

/** The supervisors of this node's attempts, as the agent can reach them: by request, by signal, by /proc. */
export interface Supervisors {
  start(attemptId: AttemptId): void;
  /** The file `stop` in the spool says why. */
  stop(claim: Claim): void;
  isAlive(claim: Claim): boolean;
  /**
   * Kills what is left of an attempt without a supervisor, by its cgroups, by its mark in the environment, and by the
   * process group of its command; says how many processes it found: they may need another moment to be gone.
   */
  killLeftovers(attempt: Leftovers): number;
  /** Removes the attempt's whole directory, whatever its task put there. */
  removeDirectory(attemptId: AttemptId): void;
}

export interface Leftovers {
  attemptId: AttemptId;
  cgroupDirectories: readonly string[];
  claim: Claim | null;
}

export interface SupervisorPorts {
  files: FileSystem;
  /** Does nothing where the process is gone. */
  sendSignal(pid: number, signal: "SIGTERM" | "SIGKILL"): void;
  /** Reaches the launcher. */
  request(verb: "start" | "remove", attemptId: AttemptId): void;
}

export function createSupervisors({ files, sendSignal, request }: SupervisorPorts): Supervisors {
  const isAlive = (claim: Claim) => isProcessAlive(files, claim.supervisorPid, claim.supervisorStartTicks);
  return {
    isAlive,
    start: (attemptId) => request("start", attemptId),
    removeDirectory: (attemptId) => request("remove", attemptId),

    stop(claim) {
      if (isAlive(claim)) sendSignal(claim.supervisorPid, "SIGTERM");
    },

    killLeftovers({ attemptId, cgroupDirectories, claim }) {
      const inCgroups = cgroupDirectories.map((directory) =>
        killCgroup(directory, (pid) => sendSignal(pid, "SIGKILL")),
      );
      const marked = findByEnvironment(files, `DROVER_ATTEMPT_ID=${attemptId}`);
      const pids = new Set([...marked, ...findInOrphanedGroup(files, claim?.commandPid ?? 0)]);
      for (const pid of pids) sendSignal(pid, "SIGKILL");
      return Math.max(pids.size, ...inCgroups);
    },
  };
}
