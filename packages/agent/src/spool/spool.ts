import { join } from "node:path";
import { AttemptId } from "@drover/shared/domain/ids.ts";
import { hasCode, type FileSystem, type ReadableFile } from "../machine/file-system.ts";
import { formatGpuTally, parseGpuTally, type GpuTally } from "./gpu-tally.ts";
import { formatLaunch, parseLaunchOrigin, type HeldGpu, type Launch } from "./launch-file.ts";
import { formatClaim, formatExit, parseClaim, parseExit, type Claim, type ExitRecord } from "./records.ts";

export type StopCause = "canceled" | "preempted";

/** All that the spool knows of one attempt. */
export interface SpooledAttempt {
  bootId: string;
  cgroupDirectories: readonly string[];
  gpus: readonly HeldGpu[];
  gpuTally: GpuTally | null;
  claim: Claim | null;
  stopCause: StopCause | null;
  exit: ExitRecord | null;
}

/**
 * The attempts that the coordinator has not yet told us to forget: one directory each, so that `ls` shows what
 * is here and `cat` what is known of it. Survives the agent; the supervisors write in it too.
 */
export interface Spool {
  directoryOf(attemptId: AttemptId): string;
  list(): AttemptId[];
  has(attemptId: AttemptId): boolean;
  /** `null` where there is no complete launch: nothing was ever started from it. */
  read(attemptId: AttemptId): SpooledAttempt | null;
  readClaim(attemptId: AttemptId): Claim | null;
  readExit(attemptId: AttemptId): ExitRecord | null;
  /** Throws where the disk does not take it; nothing of the attempt is left then. */
  add(launch: Launch, script: string | null): void;
  /** Takes the claim before a supervisor does, so that the command never starts; false where one was faster. */
  claimForAgent(attemptId: AttemptId, nowMs: number): boolean;
  writeStop(attemptId: AttemptId, cause: StopCause): void;
  writeExit(attemptId: AttemptId, exit: ExitRecord): void;
  writeGpuTally(attemptId: AttemptId, tally: GpuTally): void;
  /** 0 where nothing was written. */
  outputBytes(attemptId: AttemptId): number;
  /** `null` where there is none. */
  openOutput(attemptId: AttemptId): ReadableFile | null;
  /** False where something that is not ours lies in the directory; the launcher removes that. */
  remove(attemptId: AttemptId): boolean;
}

const OWN_FILES = [
  "output",
  "exit",
  "claim",
  "launch",
  "script",
  "stop",
  "gpu-usage",
  "launch.new",
  "exit.new",
  "claim.agent",
  "gpu-usage.new",
];
const OWN_DIRECTORIES = ["work", "tmp", "home"];

export function openSpool(dataDir: string, files: FileSystem): Spool {
  const root = join(dataDir, "attempts");
  files.makeDirectory(root, { recursive: true, mode: 0o700 });
  const directoryOf = (attemptId: AttemptId) => `${root}/${attemptId}`;
  const readClaim = (attemptId: AttemptId) => {
    const text = files.readText(`${directoryOf(attemptId)}/claim`);
    return text === null ? null : parseClaim(text);
  };
  const readExit = (attemptId: AttemptId) => {
    const text = files.readText(`${directoryOf(attemptId)}/exit`);
    return text === null ? null : parseExit(text);
  };
  const replaceFile = (path: string, text: string) => {
    files.writeText(`${path}.new`, text, { mode: 0o600 });
    files.rename(`${path}.new`, path);
  };

  return {
    directoryOf,
    readClaim,
    readExit,
    has: (attemptId) => files.exists(directoryOf(attemptId)),
    list: () => files.list(root).filter((name): name is AttemptId => AttemptId.safeParse(name).success),

    read(attemptId) {
      const directory = directoryOf(attemptId);
      const origin = parseLaunchOrigin(files.readText(`${directory}/launch`) ?? "");
      if (origin === null) return null;
      const stop = files.readText(`${directory}/stop`)?.trim();
      const stopCause = stop === "canceled" || stop === "preempted" ? stop : null;
      const gpuTally = parseGpuTally(files.readText(`${directory}/gpu-usage`) ?? "");
      return { ...origin, gpuTally, claim: readClaim(attemptId), stopCause, exit: readExit(attemptId) };
    },

    add(launch, script) {
      const directory = directoryOf(launch.attemptId);
      files.makeDirectory(directory, { mode: 0o700 });
      try {
        if (script !== null) files.writeText(`${directory}/script`, script, { mode: 0o700 });
        // Renamed, so that a launch is complete or absent wherever the agent is killed. Not synced: that would
        // matter over a power loss alone, and nothing is started from a launch of an earlier boot.
        replaceFile(`${directory}/launch`, formatLaunch(launch));
      } catch (error) {
        removeFlat(files, directory);
        throw error;
      }
    },

    claimForAgent(attemptId, nowMs) {
      const directory = directoryOf(attemptId);
      const claim = { supervisorPid: 0, supervisorStartTicks: 0, commandPid: 0, startedAtMs: nowMs };
      files.writeText(`${directory}/claim.agent`, formatClaim(claim), { mode: 0o600 });
      return files.link(`${directory}/claim.agent`, `${directory}/claim`);
    },

    writeStop: (attemptId, cause) => files.writeText(`${directoryOf(attemptId)}/stop`, `${cause}\n`, { mode: 0o600 }),
    writeExit: (attemptId, exit) => replaceFile(`${directoryOf(attemptId)}/exit`, formatExit(exit)),
    writeGpuTally: (attemptId, tally) => replaceFile(`${directoryOf(attemptId)}/gpu-usage`, formatGpuTally(tally)),
    outputBytes: (attemptId) => files.sizeOf(`${directoryOf(attemptId)}/output`) ?? 0,
    openOutput: (attemptId) => files.openForReading(`${directoryOf(attemptId)}/output`),
    remove: (attemptId) => removeFlat(files, directoryOf(attemptId)),
  };
}

/** Far cheaper than a recursive removal, and it cannot reach anything that a task has put there. */
function removeFlat(files: FileSystem, directory: string): boolean {
  try {
    // `launch` first, `claim` last: a supervisor that comes too late must find either the claim taken or
    // nothing to launch. Between them it would start the command a second time.
    const names = files.list(directory).toSorted((a, b) => removalRank(a) - removalRank(b));
    for (const name of names) {
      if (OWN_DIRECTORIES.includes(name)) files.removeDirectory(`${directory}/${name}`);
      else if (OWN_FILES.includes(name)) files.removeFile(`${directory}/${name}`);
    }
    files.removeDirectory(directory);
    return true;
  } catch (error) {
    return hasCode(error, "ENOENT");
  }
}

function removalRank(name: string): number {
  if (name === "launch") return 0;
  return name === "claim" ? 2 : 1;
}
