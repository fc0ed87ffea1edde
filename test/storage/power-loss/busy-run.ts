import { cpSync, mkdirSync, mkdtempSync, realpathSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { openStore } from "@drover/coordinator/store/store.ts";
import type { AttemptId, JobId } from "@drover/shared/domain/ids.ts";
import type { JobSubmission } from "@drover/shared/domain/job.ts";
import { CoordinatorProcess } from "../coordinator-process.ts";
import { preload } from "../lossy-disk/preload.ts";
import { runAgents } from "./busy-agents.ts";
import type { Random } from "../lossy-disk/lossy-file.ts";

/**
 * Something that the coordinator promised, with the size that the journal had when the promise was here:
 * whatever the disk was asked for before it stands in the journal before this place.
 */
export type Promised = { at: number } & (
  | { kind: "submission"; jobId: JobId; idempotencyKey: string; name: string; taskCount: number }
  | { kind: "cancel"; jobId: JobId }
  | { kind: "end"; attemptId: AttemptId; output: string }
);

export interface BusyRun {
  /** Holds everything below, and may be removed. */
  folder: string;
  /** Where the run's files lay; the journal's paths begin so. */
  root: string;
  /** The same files as they were before the run. */
  before: string;
  journal: string;
  /** In the order in which they came. */
  promises: Promised[];
  durationMs: number;
}

const CLIENTS = 12;
const AGENTS = 2;

/** A real coordinator under load, on a disk that keeps a journal: clients that submit and cancel, agents that run. */
export async function busyRun(durationMs: number, random: Random): Promise<BusyRun> {
  const folder = mkdtempSync(join(realpathSync(tmpdir()), "drover-power-loss-"));
  const [root, before, journal] = [join(folder, "root"), join(folder, "before"), join(folder, "journal")];
  const dataDir = join(root, "coordinator");
  mkdirSync(root);
  // The database was closed cleanly before: that note must not outlive the first write.
  openStore(dataDir).close();
  cpSync(root, before, { recursive: true });

  await using coordinator = await CoordinatorProcess.start({ dataDir, env: preload({ root, journal }) });
  const promises: Promised[] = [];
  const promise = (promised: Omit<Extract<Promised, { kind: "submission" }>, "at"> | OtherPromise): void => {
    promises.push({ ...promised, at: statSync(journal).size });
  };
  const stopAgents = await runAgents(coordinator.url, AGENTS, (attemptId, output) =>
    promise({ kind: "end", attemptId, output }),
  );
  const deadline = performance.now() + durationMs;
  const client = async (number: number): Promise<void> => {
    for (let count = 0; performance.now() < deadline; count++) {
      const idempotencyKey = `client-${number}-${count}`;
      const submission = draw(idempotencyKey, random);
      const { id } = await coordinator.client.submitJob(submission, { idempotencyKey });
      const taskCount = submission.array?.size ?? 1;
      promise({ kind: "submission", jobId: id, idempotencyKey, name: idempotencyKey, taskCount });
      if (random() < 0.1) {
        await coordinator.client.cancelJob(id);
        promise({ kind: "cancel", jobId: id });
      }
      // So that turns are of all sizes, and agents get some too.
      if (random() < 0.3) await delay(random() * 20);
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, (_, number) => client(number)));
  stopAgents();
  await coordinator.stop();
  return { folder, root, before, journal, promises, durationMs };
}

type OtherPromise = Omit<Extract<Promised, { kind: "cancel" }>, "at"> | Omit<Extract<Promised, { kind: "end" }>, "at">;

/** Small and large, single and many, so that pages are shared, split and overflow. */
function draw(name: string, random: Random): JobSubmission {
  const isLarge = random() < 0.1;
  return {
    name,
    ...(isLarge ? { script: `# ${"x".repeat(Math.floor(random() * 20_000))}\ntrue` } : { command: ["true", name] }),
    ...(random() < 0.3 && { array: { size: 1 + Math.floor(random() * 12) } }),
    labels: { client: name },
    retries: 1,
    resources: { cpus: 0.1, memory: "1MiB" },
  };
}
