import { z } from "zod";

/** Counts up from 1 in one coordinator's store; people say "job 812". */
export const JobId = z.int().positive().brand<"JobId">();
export type JobId = z.infer<typeof JobId>;

/** Made once by an agent for its data directory; stable over restarts and re-installs. */
export const NodeId = z
  .string()
  .regex(/^node-[a-z0-9]{12}$/, "a node id looks like node-4k7x9q2mab3c")
  .brand<"NodeId">();
export type NodeId = z.infer<typeof NodeId>;

/**
 * `812.3.1-k7q2mx`: job, task index, attempt number, and the incarnation of the coordinator that made it.
 *
 * The incarnation is drawn anew at every start of the coordinator. Without it, a coordinator restored
 * from an old copy of its database would count the same numbers again, and an agent that still holds
 * the earlier `812.3.1` would answer for the wrong command.
 */
export const AttemptId = z
  .string()
  .regex(/^\d+\.\d+\.\d+-[a-z0-9]{6}$/, "an attempt id looks like 812.3.1-k7q2mx")
  .brand<"AttemptId">();
export type AttemptId = z.infer<typeof AttemptId>;

export interface AttemptIdParts {
  jobId: JobId;
  taskIndex: number;
  attemptNumber: number;
  incarnation: string;
}

export function formatAttemptId(parts: AttemptIdParts): AttemptId {
  return `${parts.jobId}.${parts.taskIndex}.${parts.attemptNumber}-${parts.incarnation}` as AttemptId;
}

/** Which start of the coordinator made it. */
export function incarnationOf(attemptId: AttemptId): string {
  return attemptId.slice(attemptId.lastIndexOf("-") + 1);
}

/** `812.3`: the name of a task in logs, keys and on the command line. */
export type TaskKey = `${number}.${number}`;

export function taskKey(jobId: JobId, taskIndex: number): TaskKey {
  return `${jobId}.${taskIndex}`;
}
