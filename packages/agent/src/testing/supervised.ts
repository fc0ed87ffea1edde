import { existsSync, readFileSync } from "node:fs";
import { AttemptId } from "@drover/shared/domain/ids.ts";
import { onTestFinished } from "vitest";
import { openLeaseFile } from "../lease.ts";
import { nodeFileSystem } from "../machine/file-system.ts";
import { startLauncher, type Launcher } from "../runtime/launcher.ts";
import { machineClock } from "../machine/machine-clock.ts";
import { findByEnvironment } from "../runtime/processes.ts";
import type { Launch } from "../spool/launch-file.ts";
import type { Claim, ExitRecord } from "../spool/records.ts";
import { openSpool, type Spool, type StopCause } from "../spool/spool.ts";
import { NO_CGROUPS } from "./no-cgroups.ts";
import { makeDataDir, SUPERVISOR_PROGRAM } from "./start-test-agent.ts";
import { waitFor } from "./wait-for.ts";

/** The launcher and its supervisors, with nobody above them who would do anything by himself. */
export interface Supervised {
  dataDir: string;
  spool: Spool;
  launcher: Launcher;
  setLease(fromNowMs: number): void;
  spoolOnly(launch?: Partial<Launch>): AttemptId;
  /** Spools it and asks for a supervisor. */
  start(launch?: Partial<Launch>): AttemptId;
  stop(attemptId: AttemptId, cause: StopCause): Promise<void>;
  claimed(attemptId: AttemptId): Promise<Claim>;
  ended(attemptId: AttemptId): Promise<ExitRecord>;
  /** Waits until the task itself has made this file in its work directory. */
  made(attemptId: AttemptId, file: string): Promise<string>;
  output(attemptId: AttemptId): string;
  /** Processes that carry the attempt's mark. */
  alive(attemptId: AttemptId): number[];
}

let lastJobId = 0;

export async function startSupervised(): Promise<Supervised> {
  const dataDir = makeDataDir();
  const spool = openSpool(dataDir, nodeFileSystem);
  const launcher = await startLauncher({ program: SUPERVISOR_PROGRAM, dataDir, clock: machineClock });
  const leaseFile = openLeaseFile(dataDir, nodeFileSystem, "this boot");
  onTestFinished(async () => {
    await launcher.stop();
    leaseFile.close();
    for (const attemptId of spool.list())
      for (const pid of findByEnvironment(nodeFileSystem, mark(attemptId))) process.kill(pid, "SIGKILL");
  });

  function spoolOnly(launch: Partial<Launch> = {}): AttemptId {
    const attemptId = AttemptId.parse(`${++lastJobId}.0.1-super0`);
    const environment = { PATH: "/usr/bin:/bin", ...launch.environment, DROVER_ATTEMPT_ID: attemptId };
    const defaults = {
      bootId: "this boot",
      timeoutMs: null,
      stopGraceMs: 5_000,
      onDisconnect: "wait",
      workDir: `${spool.directoryOf(attemptId)}/work`,
      niceness: 0,
      user: null,
      cgroups: NO_CGROUPS,
      gpus: [],
      arguments: ["/bin/true"],
    } as const;
    spool.add({ ...defaults, ...launch, attemptId, environment }, null);
    return attemptId;
  }

  return {
    dataDir,
    spool,
    launcher,
    setLease: (fromNowMs) => leaseFile.write(Math.round(machineClock.monotonicMs() + fromNowMs)),
    spoolOnly,
    start(launch) {
      const attemptId = spoolOnly(launch);
      launcher.request("start", attemptId);
      return attemptId;
    },
    async stop(attemptId, cause) {
      const claim = await waitFor("a claim", () => spool.readClaim(attemptId));
      spool.writeStop(attemptId, cause);
      process.kill(claim.supervisorPid, "SIGTERM");
    },
    claimed: (attemptId) => waitFor("a claim", () => spool.readClaim(attemptId)),
    ended: (attemptId) => waitFor("an exit record", () => spool.readExit(attemptId)),
    made: (attemptId, file) =>
      waitFor(`the task to make ${file}`, () => {
        const path = `${spool.directoryOf(attemptId)}/work/${file}`;
        return existsSync(path) && readFileSync(path, "utf8").trim();
      }),
    output: (attemptId) => readFileSync(`${spool.directoryOf(attemptId)}/output`, "utf8"),
    alive: (attemptId) => findByEnvironment(nodeFileSystem, mark(attemptId)),
  };
}

function mark(attemptId: AttemptId): string {
  return `DROVER_ATTEMPT_ID=${attemptId}`;
}

export function sh(script: string): string[] {
  return ["/bin/sh", "-c", script];
}
