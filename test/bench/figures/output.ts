import { BYTES_PER_GIB, BYTES_PER_MIB } from "@drover/shared/units.ts";
import type { Followed } from "../load/follow-output.ts";
import { SMALL, withFleet } from "../fleet.ts";
import type { Figure } from "../figure.ts";
import { residentBytes } from "../../support/processes.ts";
import { runLoad } from "../run-load.ts";

const TARGET_MB_PER_SECOND = 150;
const TARGET_RSS_MB = 200;
const BYTES_PER_MB = 1_000_000;

/** From the submission to the last byte at the follower; memory is the most that each daemon ever held. */
export const output: Figure = {
  name: "output",
  measure: (workshop) =>
    withFleet(workshop, async ({ url, client, pid }, agent) => {
      const sentAtMs = performance.timeOrigin + performance.now();
      const { id } = await client.submitJob({
        command: ["head", "-c", String(BYTES_PER_GIB), "/dev/zero"],
        resources: SMALL,
      });
      const { bytes, lastByteAtMs } = await runLoad<Followed>("follow-output.ts", { url, jobId: id });
      if (bytes !== BYTES_PER_GIB) {
        const attempts = (await client.getJob(id)).tasks[0]?.attempts ?? [];
        const found = attempts.map((attempt) => `${attempt.outputBytes} (${JSON.stringify(attempt.outcome)})`);
        throw new Error(`the follower got ${bytes} bytes of attempts with ${found.join(", ")}`);
      }
      const mbPerSecond = bytes / BYTES_PER_MB / ((lastByteAtMs - sentAtMs) / 1000);
      const coordinatorMb = residentBytes(pid, "VmHWM") / BYTES_PER_MIB;
      const agentMb = residentBytes(agent.pid, "VmHWM") / BYTES_PER_MIB;
      return [
        {
          figure: "one task writing 1 GiB, to a follower",
          measured: `${mbPerSecond.toFixed(0)} MB/s`,
          target: `${TARGET_MB_PER_SECOND} MB/s`,
          met: mbPerSecond >= TARGET_MB_PER_SECOND,
          details: { mbPerSecond },
        },
        {
          figure: "… peak RSS of coordinator / agent",
          measured: `${coordinatorMb.toFixed(0)} MB / ${agentMb.toFixed(0)} MB`,
          target: `${TARGET_RSS_MB} MB each`,
          met: coordinatorMb < TARGET_RSS_MB && agentMb < TARGET_RSS_MB,
          details: { coordinatorPeakRssMb: coordinatorMb, agentPeakRssMb: agentMb },
        },
      ];
    }),
};
