import type { JobSubmission } from "@drover/shared/domain/job.ts";
import type { LocalToken } from "../../support/local-token.ts";
import { stop } from "../../support/processes.ts";
import { NO_OP, type Coordinator } from "../fleet.ts";
import type { Figure, Measurement } from "../figure.ts";

const ARRAY_TASKS = 100_000;
const CHAIN_JOBS = 10_000;
/** A turn that lasts longer counts as a stall of the coordinator. */
const TARGET_SECONDS = 2;

/**
 * What one turn costs that decides for very many: no node is there, so the job that others come after is
 * canceled, and the turn that does so releases or ends them.
 */
export const dependencies: Figure = {
  name: "dependencies",
  async measure(workshop) {
    const coordinator = await workshop.startCoordinator();
    const { client } = coordinator;
    const submit = async (job: Partial<JobSubmission> = {}): Promise<number> =>
      (await client.submitJob({ ...NO_OP, ...job })).id;
    const array = { size: ARRAY_TASKS };
    try {
      const first = await submit();
      const released = await submit({ array, after: [{ job: first, when: "always" }] });
      const releaseSeconds = await turnSecondsOfCancel(coordinator, first);
      expectWaiting((await client.getJob(released, 0, 1)).waiting?.code, "noNodes");

      const head = await submit();
      let tail = head;
      for (let length = 1; length < CHAIN_JOBS; length++) tail = await submit({ after: [tail] });
      expectWaiting((await client.getJob(tail)).waiting?.code, "dependency");
      const chainSeconds = await turnSecondsOfCancel(coordinator, head);
      expectCanceled((await client.getJob(tail)).state);

      const second = await submit();
      const ended = await submit({ array, after: [second] });
      const endSeconds = await turnSecondsOfCancel(coordinator, second);
      expectCanceled((await client.getJob(ended, 0, 1)).state);
      return [
        measurement("turn that releases an array of 100,000 that was held", releaseSeconds),
        measurement("turn that ends a chain of 10,000 jobs", chainSeconds),
        measurement("turn that ends an array of 100,000 that was held", endSeconds),
      ];
    } finally {
      await stop(coordinator.child);
    }
  },
};

function measurement(figure: string, seconds: number): Measurement {
  return {
    figure,
    measured: `${seconds.toFixed(2)} s`,
    target: `${TARGET_SECONDS} s`,
    met: seconds <= TARGET_SECONDS,
    details: { seconds },
  };
}

/** Turns come one after the other, so what all of them took meanwhile is that turn, and at most a tick. */
async function turnSecondsOfCancel({ client, url, token }: Coordinator, jobId: number): Promise<number> {
  const before = await turnSeconds(url, token);
  await client.cancelJob(jobId);
  return (await turnSeconds(url, token)) - before;
}

async function turnSeconds(url: string, token: LocalToken): Promise<number> {
  const text = await (await fetch(new URL("/metrics", url), { headers: token.headers() })).text();
  return Number(/^drover_turn_seconds_sum (\S+)$/m.exec(text)?.[1]);
}

function expectWaiting(code: string | undefined, expected: string): void {
  if (code !== expected) throw new Error(`it waits for ${code} and not for ${expected}`);
}

function expectCanceled(state: string): void {
  if (state !== "canceled") throw new Error(`it is ${state} and not canceled`);
}
