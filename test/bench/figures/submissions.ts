import type { Submitted } from "../load/submit-jobs.ts";
import { NO_OP } from "../fleet.ts";
import type { Figure } from "../figure.ts";
import { stop } from "../../support/processes.ts";
import { runLoad } from "../run-load.ts";

const JOBS = 30_000;
const CLIENTS = 32;
const TARGET_PER_SECOND = 5000;

/** No node is there, so nothing runs; every 201 comes after the commit that holds the job. */
export const submissions: Figure = {
  name: "submissions",
  async measure(workshop) {
    const { url, token, child } = await workshop.startCoordinator();
    try {
      const load = { url, token: token.read(), clients: CLIENTS, job: NO_OP };
      await runLoad<Submitted>("submit-jobs.ts", { ...load, jobs: 2000 });
      const submitted = await runLoad<Submitted>("submit-jobs.ts", { ...load, jobs: JOBS });
      const perSecond = (JOBS / submitted.elapsedMs) * 1000;
      return [
        {
          figure: "submissions alone, durable, 32 clients",
          measured: `${perSecond.toFixed(0)}/s`,
          target: `${TARGET_PER_SECOND}/s`,
          met: perSecond >= TARGET_PER_SECOND,
          details: { perSecond, p50Ms: submitted.p50Ms, p99Ms: submitted.p99Ms },
        },
      ];
    } finally {
      await stop(child);
    }
  },
};
