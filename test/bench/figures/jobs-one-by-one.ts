import type { Submitted } from "../load/submit-jobs.ts";
import { NO_OP, untilAllEnded, withFleet } from "../fleet.ts";
import { quantile, type Figure } from "../figure.ts";
import { runLoad } from "../run-load.ts";

const JOBS = 3000;
const CLIENTS = 8;
/** Slurm 22.05 on a machine of this kind took 58 jobs a second from submission to recorded end. */
const SLURM_PER_SECOND = 58;

/**
 * Each client sends its next job as soon as the one before was accepted. The rate counts from the first
 * request to the end that the coordinator recorded last, so it is that of the slowest stage.
 */
export const jobsOneByOne: Figure = {
  name: "jobs",
  measure: (workshop, machine) =>
    withFleet(workshop, async ({ url, token, client }) => {
      const submitted = await runLoad<Submitted>("submit-jobs.ts", {
        url,
        token: token.read(),
        clients: CLIENTS,
        jobs: JOBS,
        job: NO_OP,
      });
      await untilAllEnded(client);
      const ends = await recordedEnds(client);
      if (ends.length !== JOBS) throw new Error(`${ends.length} of ${JOBS} jobs succeeded`);
      const elapsedMs = Math.max(...ends) - submitted.firstSentAtMs;
      const perSecond = (JOBS / elapsedMs) * 1000;
      const target = Math.max(machine.bareRate / 2, 5 * SLURM_PER_SECOND);
      return [
        {
          figure: "no-op jobs, one by one by 8 clients, to the recorded end",
          measured: `${perSecond.toFixed(0)}/s`,
          target: `${target.toFixed(0)}/s (half of bare ${machine.bareRate.toFixed(0)}/s, and 5 × Slurm)`,
          met: perSecond >= target,
          details: {
            perSecond,
            target,
            ofBareRate: perSecond / machine.bareRate,
            submitPerSecond: (JOBS / submitted.elapsedMs) * 1000,
            submitP50Ms: submitted.p50Ms,
            submitP99Ms: submitted.p99Ms,
            medianEndAfterFirstMs: quantile(ends, 0.5) - submitted.firstSentAtMs,
          },
        },
      ];
    }),
};

/** When each succeeded job ended, epoch milliseconds. */
async function recordedEnds(client: Parameters<typeof untilAllEnded>[0]): Promise<number[]> {
  const ends: number[] = [];
  let cursor: string | null = null;
  do {
    const page = await client.listJobs({ state: "succeeded", limit: 500, ...(cursor === null ? {} : { cursor }) });
    for (const job of page.jobs) ends.push(Date.parse(job.endedAt ?? ""));
    cursor = page.nextCursor;
  } while (cursor !== null);
  return ends;
}
