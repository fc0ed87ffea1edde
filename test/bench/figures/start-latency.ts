import { setTimeout as sleep } from "node:timers/promises";
import { SMALL, withFleet, type Coordinator } from "../fleet.ts";
import { quantile, type Figure } from "../figure.ts";

const JOBS = 300;
const WARM_UP_JOBS = 20;
const TARGET_P50_MS = 10;
const TARGET_P99_MS = 40;

/**
 * From just before the request is sent to the time that the started program itself prints. The program
 * is `date`, so the figure includes its exec and its libraries (about a millisecond), and depends on no
 * clock or record of Drover's own; what the supervisor recorded is in the JSON beside it.
 */
export const startLatency: Figure = {
  name: "latency",
  measure: (workshop) =>
    withFleet(workshop, async (coordinator) => {
      for (let i = 0; i < WARM_UP_JOBS; i++) await measureOne(coordinator);
      const samples: Sample[] = [];
      for (let i = 0; i < JOBS; i++) samples.push(await measureOne(coordinator));
      const latenciesMs = samples.map((sample) => sample.printedMs);
      const p50 = quantile(latenciesMs, 0.5);
      const p99 = quantile(latenciesMs, 0.99);
      const recordedMs = samples.map((sample) => sample.recordedMs);
      return [
        {
          figure: "submit → the process has started, idle system, p50 / p99",
          measured: `${p50.toFixed(1)} ms / ${p99.toFixed(1)} ms`,
          target: `${TARGET_P50_MS} ms / ${TARGET_P99_MS} ms`,
          met: p50 <= TARGET_P50_MS && p99 <= TARGET_P99_MS,
          details: {
            p50Ms: p50,
            p99Ms: p99,
            maxMs: Math.max(...latenciesMs),
            recordedStartP50Ms: quantile(recordedMs, 0.5),
            recordedStartP99Ms: quantile(recordedMs, 0.99),
            answerP50Ms: quantile(
              samples.map((sample) => sample.answerMs),
              0.5,
            ),
          },
        },
      ];
    }),
};

interface Sample {
  printedMs: number;
  recordedMs: number;
  answerMs: number;
}

async function measureOne({ client }: Coordinator): Promise<Sample> {
  // Idle means idle: nothing of the job before is left, and no two samples fall on the same beat.
  await sleep(20 + Math.random() * 20);
  const sentAtMs = epochMs();
  const { id } = await client.submitJob({ command: ["date", "+%s%N"], resources: SMALL });
  const answeredAtMs = epochMs();
  const output = await client.readOutput(id, { follow: true });
  const chunks: Uint8Array[] = [];
  for await (const chunk of output.bytes) chunks.push(chunk);
  const printed = Buffer.concat(chunks).toString().trim();
  if (!/^\d{19}$/.test(printed)) throw new Error(`job ${id} printed ${JSON.stringify(printed)}`);
  const job = await client.getJob(id);
  const startedAt = job.tasks[0]?.attempts[0]?.startedAt;
  return {
    printedMs: Number(BigInt(printed) / 1000n) / 1000 - sentAtMs,
    recordedMs: Date.parse(startedAt ?? "") - sentAtMs,
    answerMs: answeredAtMs - sentAtMs,
  };
}

/** The wall clock with the resolution of the monotonic one. */
function epochMs(): number {
  return performance.timeOrigin + performance.now();
}
