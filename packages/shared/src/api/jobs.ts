import { z } from "zod";
import { AttemptOutcome, AttemptState, AttemptUsage, Blame } from "../domain/attempt.ts";
import { DependencyStanding, JobDependency } from "../domain/dependency.ts";
import { JobId } from "../domain/ids.ts";
import { JobSpec, JobState } from "../domain/job.ts";
import { Allocation } from "../domain/resources.ts";
import { Cause, TaskState } from "../domain/task.ts";
import { WaitingReason } from "../domain/waiting-reason.ts";
import { QueryFlag } from "./query-flag.ts";

/** RFC 3339, UTC, milliseconds. */
const Timestamp = z.iso.datetime();

export const TaskCounts = z.object({
  queued: z.int(),
  staging: z.int(),
  running: z.int(),
  succeeded: z.int(),
  failed: z.int(),
  canceled: z.int(),
});
export type TaskCounts = z.infer<typeof TaskCounts>;

/** A job without its spec, which may be large: what lists are made of. */
export const JobSummary = z
  .object({
    id: JobId,
    name: z.string().nullable(),
    state: z.enum(JobState),
    /** Somebody asked to cancel it; it ends when what runs has stopped. */
    cancelRequested: z.boolean(),
    taskCount: z.int(),
    tasksByState: TaskCounts,
    /** The beginning of what it runs, for people. */
    commandLine: z.string(),
    labels: z.record(z.string(), z.string()),
    submittedAt: Timestamp,
    startedAt: Timestamp.nullable(),
    endedAt: Timestamp.nullable(),
    /** The name of the token; `null` of jobs from before there were any. */
    submittedBy: z.string().nullable(),
  })
  .meta({ id: "JobSummary" });
export type JobSummary = z.infer<typeof JobSummary>;

export const Job = JobSummary.extend({ spec: JobSpec }).meta({ id: "Job" });
export type Job = z.infer<typeof Job>;

export const Attempt = z
  .object({
    id: z.string(),
    number: z.int(),
    nodeId: z.string(),
    nodeName: z.string(),
    state: z.enum(AttemptState),
    /** The node does not answer: the attempt may or may not be alive, and its devices stay reserved. */
    unknown: z.boolean(),
    outcome: AttemptOutcome.nullable(),
    blame: z.enum(Blame).nullable(),
    allocation: Allocation,
    pid: z.int().nullable(),
    /** Bytes of output stored so far. */
    outputBytes: z.int(),
    usage: AttemptUsage.nullable(),
    assignedAt: Timestamp,
    startedAt: Timestamp.nullable(),
    endedAt: Timestamp.nullable(),
  })
  .meta({ id: "Attempt" });
export type Attempt = z.infer<typeof Attempt>;

export const Task = z
  .object({
    index: z.int(),
    state: z.enum(TaskState),
    cause: z.enum(Cause),
    since: Timestamp,
    /** Set exactly while the task is queued. */
    waitingReason: WaitingReason.pick({ code: true, message: true }).nullable(),
    attempts: z.array(Attempt),
  })
  .meta({ id: "Task" });
export type Task = z.infer<typeof Task>;

/** One of the jobs that a job comes after, and what its state means for it. */
export const DependencyDetail = JobDependency.extend({
  state: z.enum(JobState),
  standing: z.enum(DependencyStanding),
}).meta({ id: "DependencyDetail" });
export type DependencyDetail = z.infer<typeof DependencyDetail>;

export const JobDetail = Job.extend({
  /** In the order of `spec.after`. */
  dependencies: z.array(DependencyDetail),
  /** Why the job's queued tasks wait, with the verdict per node; `null` when none waits. */
  waiting: WaitingReason.nullable(),
  /** In order of their index, from `fromTask` on; at most 1,000 in one answer. */
  tasks: z.array(Task),
  /** Where the next page begins; `null` after the last task. */
  nextTask: z.int().nullable(),
}).meta({ id: "JobDetail" });
export type JobDetail = z.infer<typeof JobDetail>;

/** Most tasks in one answer. */
export const MAX_TASKS_PER_PAGE = 1000;

export const JobDetailQuery = z.strictObject({
  fromTask: z.coerce.number().int().nonnegative().default(0),
  limit: z.coerce
    .number()
    .int()
    .min(1)
    .max(MAX_TASKS_PER_PAGE)
    .default(MAX_TASKS_PER_PAGE)
    .meta({ description: "At most this many tasks in the answer" }),
});

export const JobListQuery = z.strictObject({
  state: z.enum(JobState).optional(),
  name: z.string().optional().meta({ description: "Exactly this name" }),
  label: z
    .string()
    .regex(/^[^=]+(=.*)?$/, "write a label as key or key=value")
    .optional()
    .meta({ description: "`key=value`, or `key` for any value" }),
  limit: z.coerce.number().int().min(1).max(500).default(50),
  cursor: z.string().optional().meta({ description: "`nextCursor` of the page before" }),
});
export type JobListQuery = z.output<typeof JobListQuery>;

export const JobList = z
  .object({ jobs: z.array(JobSummary), nextCursor: z.string().nullable() })
  .meta({ id: "JobList" });
export type JobList = z.infer<typeof JobList>;

export const OutputQuery = z.strictObject({
  task: z.coerce.number().int().nonnegative().default(0),
  attempt: z.coerce
    .number()
    .int()
    .positive()
    .optional()
    .meta({ description: "Number of the attempt; without it the latest, and a follow goes on into further attempts" }),
  offset: z.coerce.number().int().nonnegative().default(0).meta({ description: "Bytes to leave out at the start" }),
  follow: QueryFlag.meta({ description: "Keep the answer open until the task has ended and every byte was sent" }),
});
export type OutputQuery = z.output<typeof OutputQuery>;

/** Response header of output: the number of the attempt that the first byte belongs to. */
export const ATTEMPT_HEADER = "x-drover-attempt";
