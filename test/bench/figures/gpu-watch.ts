import { setTimeout as sleep } from "node:timers/promises";
import { BYTES_PER_MIB } from "@drover/shared/units.ts";
import { splitMachine } from "../../../packages/agent/src/testing/nvidia-machines.ts";
import { makeTool } from "../../../packages/agent/src/testing/replayed-tool.ts";
import { cpuSeconds, residentBytes, stop } from "../../support/processes.ts";
import type { Figure } from "../figure.ts";
import type { Workshop } from "../fleet.ts";

const GPUS = 16;
const INSTANCES_PER_GPU = 8;
const SETTLE_MS = 15_000;
const WATCH_MS = 60_000;
const TARGET_CPU_PERCENT = 1;
const TARGET_RSS_MB = 10;

/** What the live load of a very large machine costs the agent itself, beyond an agent without GPUs. */
export const gpuWatch: Figure = {
  name: "gpus",
  async measure(workshop) {
    const bare = await cost(workshop, []);
    const tool = makeTool(workshop.newFolder("tool"), splitMachine(GPUS, INSTANCES_PER_GPU, process.pid));
    const watching = await cost(workshop, ["--nvidia-smi", tool.path]);
    const cpuPercent = watching.cpuPercent - bare.cpuPercent;
    const rssMb = watching.rssMb - bare.rssMb;
    return [
      {
        figure: `agent watching ${GPUS} GPUs x ${INSTANCES_PER_GPU} MIG: CPU / RSS more than without`,
        measured: `${cpuPercent.toFixed(2)} % / ${rssMb.toFixed(1)} MB`,
        target: `${TARGET_CPU_PERCENT} % / ${TARGET_RSS_MB} MB`,
        met: cpuPercent <= TARGET_CPU_PERCENT && rssMb <= TARGET_RSS_MB,
        details: {
          bareCpuPercent: bare.cpuPercent,
          bareRssMb: bare.rssMb,
          watchingCpuPercent: watching.cpuPercent,
          watchingRssMb: watching.rssMb,
        },
      },
    ];
  },
};

async function cost(workshop: Workshop, words: readonly string[]): Promise<{ cpuPercent: number; rssMb: number }> {
  const coordinator = await workshop.startCoordinator();
  try {
    const agent = await workshop.startAgent(coordinator, words);
    try {
      await sleep(SETTLE_MS);
      const cpuBefore = cpuSeconds(agent.pid);
      const startedAt = performance.now();
      await sleep(WATCH_MS);
      const elapsedSeconds = (performance.now() - startedAt) / 1000;
      const cpuPercent = ((cpuSeconds(agent.pid) - cpuBefore) / elapsedSeconds) * 100;
      return { cpuPercent, rssMb: residentBytes(agent.pid) / BYTES_PER_MIB };
    } finally {
      await stop(agent.child);
    }
  } finally {
    await stop(coordinator.child);
  }
}
