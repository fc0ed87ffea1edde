import {
  closeSync,
  existsSync,
  fstatSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  readdirSync,
  renameSync,
  rmdirSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { AttemptId } from "@drover/shared/domain/ids.ts";
import { formatLaunch, parseLaunchOrigin, type Launch } from "./launch-file.ts";
import { formatClaim, formatExit, parseClaim, parseExit, type Claim, type ExitRecord } from "./records.ts";

export type StopCause = "canceled" | "preempted";

/** All that the spool knows of one attempt. */
export interface SpooledAttempt {
  bootId: string;
  cgroup: string | null;
  claim: Claim | null;
  stopCause: StopCause | null;
  exit: ExitRecord | null;
}

/** An attempt's output, open for reading while its supervisor or command still appends to it. */
export interface OutputFile {
  sizeBytes(): number;
  /** Reads into `target` from `targetStart` on; yields how many bytes it read, 0 at the end. */
  read(target: Uint8Array, targetStart: number, offset: number): number;
  close(): void;
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
  /** 0 where nothing was written. */
  outputBytes(attemptId: AttemptId): number;
  /** `null` where there is none. */
  openOutput(attemptId: AttemptId): OutputFile | null;
  /** False where something that is not ours lies in the directory; the launcher removes that. */
  remove(attemptId: AttemptId): boolean;
}

const OWN_FILES = ["output", "exit", "claim", "launch", "script", "stop", "launch.new", "exit.new", "claim.agent"];
const OWN_DIRECTORIES = ["work", "tmp"];

/**
 * The calls are synchronous on purpose. Each touches a few hundred bytes that lie in the page cache; at hundreds
 * of attempts per second a trip through the thread pool costs several times the call itself, and code without
 * awaits in between needs no locks.
 */
export function openSpool(dataDir: string): Spool {
  const root = join(dataDir, "attempts");
  mkdirSync(root, { recursive: true, mode: 0o700 });
  const directoryOf = (attemptId: AttemptId) => `${root}/${attemptId}`;
  const readClaim = (attemptId: AttemptId) => {
    const text = readTextIfThere(`${directoryOf(attemptId)}/claim`);
    return text === null ? null : parseClaim(text);
  };
  const readExit = (attemptId: AttemptId) => {
    const text = readTextIfThere(`${directoryOf(attemptId)}/exit`);
    return text === null ? null : parseExit(text);
  };

  return {
    directoryOf,
    readClaim,
    readExit,
    has: (attemptId) => existsSync(directoryOf(attemptId)),
    list: () => readdirSync(root).filter((name): name is AttemptId => AttemptId.safeParse(name).success),

    read(attemptId) {
      const directory = directoryOf(attemptId);
      const origin = parseLaunchOrigin(readTextIfThere(`${directory}/launch`) ?? "");
      if (origin === null) return null;
      const stop = readTextIfThere(`${directory}/stop`)?.trim();
      const stopCause = stop === "canceled" || stop === "preempted" ? stop : null;
      return { ...origin, claim: readClaim(attemptId), stopCause, exit: readExit(attemptId) };
    },

    add(launch, script) {
      const directory = directoryOf(launch.attemptId);
      mkdirSync(directory, { mode: 0o700 });
      try {
        if (script !== null) writeFileSync(`${directory}/script`, script, { mode: 0o700 });
        // Renamed, so that a launch is complete or absent wherever the agent is killed. Not synced: that would
        // matter over a power loss alone, and nothing is started from a launch of an earlier boot.
        replaceFile(`${directory}/launch`, formatLaunch(launch));
      } catch (error) {
        removeFlat(directory);
        throw error;
      }
    },

    claimForAgent(attemptId, nowMs) {
      const directory = directoryOf(attemptId);
      const claim = { supervisorPid: 0, supervisorStartTicks: 0, commandPid: 0, startedAtMs: nowMs };
      writeFileSync(`${directory}/claim.agent`, formatClaim(claim), { mode: 0o600 });
      try {
        linkSync(`${directory}/claim.agent`, `${directory}/claim`);
        return true;
      } catch (error) {
        if (hasCode(error, "EEXIST")) return false;
        throw error;
      }
    },

    writeStop: (attemptId, cause) => writeFileSync(`${directoryOf(attemptId)}/stop`, `${cause}\n`, { mode: 0o600 }),
    writeExit: (attemptId, exit) => replaceFile(`${directoryOf(attemptId)}/exit`, formatExit(exit)),
    outputBytes: (attemptId) => statSync(`${directoryOf(attemptId)}/output`, { throwIfNoEntry: false })?.size ?? 0,
    openOutput: (attemptId) => openOutputFile(`${directoryOf(attemptId)}/output`),
    remove: (attemptId) => removeFlat(directoryOf(attemptId)),
  };
}

function readTextIfThere(path: string): string | null {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (hasCode(error, "ENOENT")) return null;
    throw error;
  }
}

function replaceFile(path: string, text: string): void {
  writeFileSync(`${path}.new`, text, { mode: 0o600 });
  renameSync(`${path}.new`, path);
}

function openOutputFile(path: string): OutputFile | null {
  let fd: number;
  try {
    fd = openSync(path, "r");
  } catch (error) {
    if (hasCode(error, "ENOENT")) return null;
    throw error;
  }
  return {
    sizeBytes: () => fstatSync(fd).size,
    read: (target, targetStart, offset) => readSync(fd, target, targetStart, target.byteLength - targetStart, offset),
    close: () => closeSync(fd),
  };
}

/** Far cheaper than a recursive removal, and it cannot reach anything that a task has put there. */
function removeFlat(directory: string): boolean {
  try {
    // `launch` first, `claim` last: a supervisor that comes too late must find either the claim taken or
    // nothing to launch. Between them it would start the command a second time.
    const names = readdirSync(directory).toSorted((a, b) => removalRank(a) - removalRank(b));
    for (const name of names) {
      if (OWN_DIRECTORIES.includes(name)) rmdirSync(`${directory}/${name}`);
      else if (OWN_FILES.includes(name)) unlinkSync(`${directory}/${name}`);
    }
    rmdirSync(directory);
    return true;
  } catch (error) {
    return hasCode(error, "ENOENT");
  }
}

function removalRank(name: string): number {
  if (name === "launch") return 0;
  return name === "claim" ? 2 : 1;
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
