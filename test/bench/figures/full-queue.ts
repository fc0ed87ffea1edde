import { setTimeout as sleep } from "node:timers/promises";
import { BYTES_PER_MIB } from "@drover/shared/units.ts";
import { NO_OP } from "../fleet.ts";
import type { Figure } from "../figure.ts";
import { residentBytes, stop } from "../../support/processes.ts";

const JOBS = 100;
const TASKS_PER_JOB = 1000;
const SETTLE_MS = 2000;
const TARGET_RSS_MB = 400;
const TARGET_RESTART_S = 3;

/** 100 arrays of 1,000, and no node. Killed, not stopped: a restart after a crash is the one that counts. */
export const fullQueue: Figure = {
  name: "queue",
  async measure(workshop) {
    const first = await workshop.startCoordinator();
    for (let i = 0; i < JOBS; i++) await first.client.submitJob({ ...NO_OP, array: { size: TASKS_PER_JOB } });
    await sleep(SETTLE_MS);
    const filledMb = residentBytes(first.pid) / BYTES_PER_MIB;
    await stop(first.child, "SIGKILL");

    const second = await workshop.startCoordinator(first.dataDir);
    const restartSeconds = second.readyMs / 1000;
    await sleep(SETTLE_MS);
    const restartedMb = residentBytes(second.pid) / BYTES_PER_MIB;
    const { jobs } = await second.client.listJobs({ state: "queued", limit: 500 });
    const queued = jobs.reduce((sum, job) => sum + job.tasksByState.queued, 0);
    await stop(second.child);
    if (queued !== JOBS * TASKS_PER_JOB) throw new Error(`${queued} tasks are queued after the restart`);

    const rssMb = Math.max(filledMb, restartedMb);
    return [
      {
        figure: "coordinator with 100,000 queued tasks: memory / restart until ready",
        measured: `${rssMb.toFixed(0)} MB / ${restartSeconds.toFixed(2)} s`,
        target: `${TARGET_RSS_MB} MB / ${TARGET_RESTART_S} s`,
        met: rssMb <= TARGET_RSS_MB && restartSeconds <= TARGET_RESTART_S,
        details: { filledMb, restartedMb, restartSeconds },
      },
    ];
  },
};
