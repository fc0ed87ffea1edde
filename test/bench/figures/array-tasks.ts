import { NO_OP, untilAllEnded, withFleet } from "../fleet.ts";
import type { Figure } from "../figure.ts";

const TASKS = 5000;

/** From the moment the array was accepted to the moment its last task's end was recorded. */
export const arrayTasks: Figure = {
  name: "array",
  measure: (workshop, machine) =>
    withFleet(workshop, async ({ client }) => {
      const { id } = await client.submitJob({ ...NO_OP, array: { size: TASKS } });
      await untilAllEnded(client);
      const job = await client.getJob(id, 0, 1);
      if (job.tasksByState.succeeded !== TASKS)
        throw new Error(`${job.tasksByState.succeeded} of ${TASKS} tasks succeeded`);
      const elapsedMs = Date.parse(job.endedAt ?? "") - Date.parse(job.submittedAt);
      const perSecond = (TASKS / elapsedMs) * 1000;
      const target = (machine.bareRate * 2) / 3;
      return [
        {
          figure: "no-op tasks of one array of 5,000",
          measured: `${perSecond.toFixed(0)}/s`,
          target: `${target.toFixed(0)}/s (two thirds of bare)`,
          met: perSecond >= target,
          details: { perSecond, target, ofBareRate: perSecond / machine.bareRate },
        },
      ];
    }),
};
