import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { openStore, type Store } from "@drover/coordinator/store/store.ts";
import { FLEET_INVARIANTS } from "@drover/coordinator/testing/fleet-invariants.ts";
import { SETTINGS } from "@drover/coordinator/testing/scenario.ts";
import { isTerminalJobState } from "@drover/shared/domain/job.ts";
import { readJournal } from "../lossy-disk/journal.ts";
import { LossyDisk } from "../lossy-disk/lossy-disk.ts";
import type { Random } from "../lossy-disk/lossy-file.ts";
import { scratchFolder } from "../scratch.ts";
import type { BusyRun, Promised } from "./busy-run.ts";

export interface SnapshotOptions {
  random: Random;
  honoursSyncs?: boolean;
  onSnapshot?: (checked: number) => void;
}

export interface SnapshotsReport {
  snapshots: number;
  /** Promises looked up, over all snapshots. */
  promisesChecked: number;
  broken: string[];
}

/**
 * Cuts the power at `count` moments of a run, half of them at the very moment when a promise had arrived,
 * and says what of all that had been promised until then is not there.
 */
export function checkSnapshots(run: BusyRun, count: number, options: SnapshotOptions): SnapshotsReport {
  const { random, honoursSyncs = true, onSnapshot = () => {} } = options;
  const disk = new LossyDisk(run.root, run.before, { random, honoursSyncs });
  const moments = drawMoments(run, count, random);
  const report: SnapshotsReport = { snapshots: 0, promisesChecked: 0, broken: [] };
  const snapshot = scratchFolder();
  const cutPower = (moment: number): void => {
    disk.writeAfterPowerCut(snapshot);
    const kept = run.promises.filter(({ at }) => at <= moment);
    const broken = brokenPromises(join(snapshot, "coordinator"), kept);
    report.broken.push(...broken.map((what) => `power cut at ${moment}: ${what}`));
    report.promisesChecked += kept.length;
    report.snapshots++;
    for (const name of readdirSync(snapshot)) rmSync(join(snapshot, name), { recursive: true });
    onSnapshot(report.snapshots);
  };
  try {
    for (const { record, endOffset } of readJournal(run.journal)) {
      disk.apply(record);
      // At the end of the record in which the moment lies: the size may have been seen while one was being added.
      for (; (moments[0] ?? Infinity) <= endOffset; moments.shift()) cutPower(endOffset);
    }
    return report;
  } finally {
    rmSync(snapshot, { recursive: true });
  }
}

/** Ascending, and each the end of a record: between two nothing happens. */
function drawMoments(run: BusyRun, count: number, random: Random): number[] {
  const ends = [...readJournal(run.journal)].map(({ endOffset }) => endOffset);
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)] as T;
  const moments = Array.from({ length: count }, (_, index) => (index % 2 === 0 ? pick(ends) : pick(run.promises).at));
  return moments.toSorted((a, b) => a - b);
}

function brokenPromises(dataDir: string, promises: readonly Promised[]): string[] {
  let store: Store;
  try {
    store = openStore(dataDir);
  } catch (error) {
    return [`it does not open: ${String(error)}`];
  }
  try {
    const fleet = store.loadFleet(SETTINGS);
    return [
      ...integrityProblems(dataDir),
      ...FLEET_INVARIANTS["jobsCountTheirTasks"]!(fleet),
      ...FLEET_INVARIANTS["oneLiveAttemptPerTask"]!(fleet),
      ...promises.flatMap((promise) => (isKept(dataDir, store, promise) ? [] : [describe(promise)])),
    ];
  } catch (error) {
    return [`it does not load: ${String(error)}`];
  } finally {
    store.close();
  }
}

function describe({ at, ...promise }: Promised): string {
  const what = promise.kind === "end" ? promise.attemptId : `job ${promise.jobId}`;
  return `the ${promise.kind} of ${what}, promised at ${at}, is not there`;
}

/** By another SQLite than the store's, and not by our check at the start. */
function integrityProblems(dataDir: string): string[] {
  const database = new DatabaseSync(join(dataDir, "drover.db"), { readOnly: true });
  try {
    const { integrity_check: found } = database.prepare("pragma integrity_check").get() as { integrity_check: string };
    return found === "ok" ? [] : [`integrity_check: ${found}`];
  } finally {
    database.close();
  }
}

function isKept(dataDir: string, { history }: Store, promise: Promised): boolean {
  switch (promise.kind) {
    case "submission": {
      const job = history.job(promise.jobId);
      const isKnownByKey = history.jobUnderKey(promise.idempotencyKey)?.jobId === promise.jobId;
      return job?.spec.name === promise.name && (job.spec.arraySize ?? 1) === promise.taskCount && isKnownByKey;
    }
    case "cancel": {
      const job = history.job(promise.jobId);
      return job !== null && (job.cancelRequested || isTerminalJobState(job.state));
    }
    case "end": {
      const [jobId, taskIndex, number] = promise.attemptId.split(/[.-]/).map(Number) as [never, number, number];
      const attempt = history.attempt(jobId, taskIndex, number);
      if (attempt?.id !== promise.attemptId || attempt.state !== "ended") return false;
      return promise.output === "" || isStored(dataDir, String(jobId), promise.attemptId, promise.output);
    }
    default:
      return promise satisfies never;
  }
}

function isStored(dataDir: string, jobId: string, attemptId: string, output: string): boolean {
  const file = join(dataDir, "output", jobId, `${attemptId}.log`);
  return existsSync(file) && readFileSync(file, "utf8") === output;
}
