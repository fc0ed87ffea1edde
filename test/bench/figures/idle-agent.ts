import { setTimeout as sleep } from "node:timers/promises";
import { BYTES_PER_MIB } from "@drover/shared/units.ts";
import { withFleet } from "../fleet.ts";
import type { Figure } from "../figure.ts";
import { cpuSecondsOfTree, residentBytesOfTree } from "../../support/processes.ts";

const SETTLE_MS = 10_000;
const WATCH_MS = 30_000;
const TARGET_RSS_MB = 80;
const TARGET_CPU_PERCENT = 0.5;

/** The agent with everything that it keeps running for itself, six heartbeats long. */
export const idleAgent: Figure = {
  name: "idle",
  measure: (workshop) =>
    withFleet(workshop, async (_coordinator, { pid }) => {
      await sleep(SETTLE_MS);
      const cpuBefore = cpuSecondsOfTree(pid);
      const startedAt = performance.now();
      await sleep(WATCH_MS);
      const elapsedSeconds = (performance.now() - startedAt) / 1000;
      const cpuPercent = ((cpuSecondsOfTree(pid) - cpuBefore) / elapsedSeconds) * 100;
      const rssMb = residentBytesOfTree(pid) / BYTES_PER_MIB;
      return [
        {
          figure: "agent idle: RSS / CPU",
          measured: `${rssMb.toFixed(0)} MB / ${cpuPercent.toFixed(2)} %`,
          target: `${TARGET_RSS_MB} MB / ${TARGET_CPU_PERCENT} %`,
          met: rssMb <= TARGET_RSS_MB && cpuPercent <= TARGET_CPU_PERCENT,
          details: { rssMb, cpuPercent },
        },
      ];
    }),
};
