import { closeSync, openSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { BYTES_PER_GIB, BYTES_PER_MIB } from "@drover/shared/units.ts";
import type { Followed } from "../load/follow-output.ts";
import { SMALL, withFleet, type Workshop } from "../fleet.ts";
import type { Figure } from "../figure.ts";
import { residentBytes } from "../../support/processes.ts";
import { runLoad } from "../run-load.ts";

const TARGET_MB_PER_SECOND = 150;
const TARGET_RSS_MB = 200;
const BYTES_PER_MB = 1_000_000;

const RUNS = 3;
/** The task's file, the coordinator's, and room around them. */
const WARM_BYTES = 3 * BYTES_PER_GIB;

interface Run {
  mbPerSecond: number;
  coordinatorMb: number;
  agentMb: number;
}

/** From the submission to the last byte at the follower, the median of several runs; memory is the most that each daemon ever held. */
export const output: Figure = {
  name: "output",
  async measure(workshop) {
    const runs: Run[] = [];
    const firstTouchMbPerSecond = warmPageCache(workshop.newFolder("warm"));
    for (let i = 0; i < RUNS; i++) runs.push(await measureOnce(workshop));
    const rates = runs.map((run) => run.mbPerSecond).toSorted((a, b) => a - b);
    const mbPerSecond = rates[Math.floor(RUNS / 2)] ?? 0;
    const coordinatorMb = Math.max(...runs.map((run) => run.coordinatorMb));
    const agentMb = Math.max(...runs.map((run) => run.agentMb));
    return [
      {
        figure: "one task writing 1 GiB, to a follower",
        measured: `${mbPerSecond.toFixed(0)} MB/s (of ${rates.map((rate) => rate.toFixed(0)).join(", ")})`,
        target: `${TARGET_MB_PER_SECOND} MB/s`,
        met: mbPerSecond >= TARGET_MB_PER_SECOND,
        details: { mbPerSecond, rates: rates.join(" "), firstTouchMbPerSecond },
      },
      {
        figure: "… peak RSS of coordinator / agent",
        measured: `${coordinatorMb.toFixed(0)} MB / ${agentMb.toFixed(0)} MB`,
        target: `${TARGET_RSS_MB} MB each`,
        met: coordinatorMb < TARGET_RSS_MB && agentMb < TARGET_RSS_MB,
        details: { coordinatorPeakRssMb: coordinatorMb, agentPeakRssMb: agentMb },
      },
    ];
  },
};

/**
 * Writes and removes a file as large as what the figure writes. On a virtual machine whose host takes idle
 * memory back, the first write into fresh page cache measures the host: 0.4 GB/s, and 3 GB/s the next time.
 */
function warmPageCache(folder: string): number {
  const chunk = Buffer.alloc(BYTES_PER_MIB);
  const startedAt = performance.now();
  const file = openSync(join(folder, "zeros"), "w");
  for (let written = 0; written < WARM_BYTES; written += chunk.byteLength) writeSync(file, chunk);
  closeSync(file);
  const mbPerSecond = WARM_BYTES / BYTES_PER_MB / ((performance.now() - startedAt) / 1000);
  rmSync(folder, { recursive: true });
  return Math.round(mbPerSecond);
}

function measureOnce(workshop: Workshop): Promise<Run> {
  return withFleet(workshop, async ({ url, token, client, pid }, agent) => {
    const sentAtMs = performance.timeOrigin + performance.now();
    const { id } = await client.submitJob({
      command: ["head", "-c", String(BYTES_PER_GIB), "/dev/zero"],
      resources: SMALL,
    });
    const { bytes, lastByteAtMs } = await runLoad<Followed>("follow-output.ts", {
      url,
      token: token.read(),
      jobId: id,
    });
    if (bytes !== BYTES_PER_GIB) {
      const attempts = (await client.getJob(id)).tasks[0]?.attempts ?? [];
      const found = attempts.map((attempt) => `${attempt.outputBytes} (${JSON.stringify(attempt.outcome)})`);
      throw new Error(`the follower got ${bytes} bytes of attempts with ${found.join(", ")}`);
    }
    return {
      mbPerSecond: bytes / BYTES_PER_MB / ((lastByteAtMs - sentAtMs) / 1000),
      coordinatorMb: residentBytes(pid, "VmHWM") / BYTES_PER_MIB,
      agentMb: residentBytes(agent.pid, "VmHWM") / BYTES_PER_MIB,
    };
  });
}
