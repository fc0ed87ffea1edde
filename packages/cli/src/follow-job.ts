import type { Job } from "@drover/shared/api/jobs.ts";
import type { DroverClient } from "@drover/shared/client/client.ts";
import { followOutput } from "./follow-output.ts";
import type { OutputWriter } from "./output-writers.ts";
import type { Reconnector } from "./reconnector.ts";

/**
 * Tasks whose output is followed at the same time, in order of their index, the order in which they start.
 * Each is a connection; where more than this run at once, the output of the last comes a little later.
 */
const MAX_FOLLOWED_TASKS = 256;

export interface JobFollow {
  client: DroverClient;
  reconnector: Reconnector;
  job: Job;
  writerFor: (taskIndex: number) => OutputWriter;
  signal: AbortSignal;
}

/** Writes the output of all tasks of a job as it comes, until every one has ended. */
export async function followJob({ client, reconnector, job, writerFor, signal }: JobFollow): Promise<void> {
  const indexes = Array(job.taskCount).keys();
  async function followNext(): Promise<void> {
    // All followers draw from the same iterator: each task is taken by exactly one of them.
    for (const taskIndex of indexes) {
      const writer = writerFor(taskIndex);
      const write = (bytes: Uint8Array): Promise<void> => writer.write(bytes);
      await followOutput({ client, reconnector, jobId: job.id, taskIndex, write, signal });
      if (signal.aborted) return;
      await writer.finish();
    }
  }
  await Promise.all(Array.from({ length: Math.min(job.taskCount, MAX_FOLLOWED_TASKS) }, followNext));
}
