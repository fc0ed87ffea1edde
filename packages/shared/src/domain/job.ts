import { z } from "zod";
import { ByteSize, Duration, BYTES_PER_MIB, MS_PER_DAY } from "../units.ts";
import { JobDependencies, JobDependency } from "./dependency.ts";
import { Env, NoNul, Word } from "./environment.ts";
import { GpuMemory, GpuResources, NO_GPU, saysGpusTwice, toGpuRequest } from "./gpu-request.ts";
import { LABEL, LABEL_RULE } from "./label.ts";
import { arraySizeOf, Sweep, sweepOf, TaskArray } from "./task-array.ts";
import { onlyItsFields } from "./only-its-fields.ts";
import { ModelName } from "./model.ts";
import { ResourceRequest } from "./resources.ts";

export const MAX_RETRIES = 100;
const MAX_PRIORITY = 1000;
export const DEFAULT_PRIORITY = 0;
const MAX_CPUS = 100_000;
const MAX_TIMEOUT_MS = 3650 * MS_PER_DAY;

/** What a task gets that says nothing: enough for a script, small enough not to block a GPU box. */
export const DEFAULT_RESOURCES: ResourceRequest = {
  cpuMilli: 1000,
  memoryBytes: 512 * BYTES_PER_MIB,
  ...NO_GPU,
};

export const JobState = {
  /** No task has started. */
  queued: "queued",
  /** At least one task started and not all have ended. */
  running: "running",
  /** Every task succeeded. */
  succeeded: "succeeded",
  /** All tasks ended and at least one failed. */
  failed: "failed",
  /** All tasks ended, none failed, and at least one was canceled. */
  canceled: "canceled",
} as const;
export type JobState = (typeof JobState)[keyof typeof JobState];

export function isTerminalJobState(state: JobState): boolean {
  return state === "succeeded" || state === "failed" || state === "canceled";
}

/** What happens to an attempt whose node is out of reach for longer than its lease. */
export const OnDisconnect = {
  /** The node stops it, and then the coordinator may start it elsewhere. */
  restart: "restart",
  /** It goes on running; it is never started elsewhere unless an operator says that the node is gone. */
  wait: "wait",
} as const;
export type OnDisconnect = (typeof OnDisconnect)[keyof typeof OnDisconnect];

const Labels = z.record(z.string(), z.string().max(200)).superRefine((labels, context) => {
  for (const key of Object.keys(labels)) {
    if (LABEL.test(key)) continue;
    context.addIssue({ code: "custom", message: `a label's key is ${LABEL_RULE}`, path: [key] });
  }
});

/** The job as people write it: POST /v1/jobs, or a YAML file for `drover submit`. */
export const JobSubmission = z
  .strictObject(
    {
      name: z.string().min(1).max(200).optional().meta({ description: "What people call it; need not be unique" }),
      command: z
        .array(Word, "command is a list of words, such as [python3, train.py]; for a line of shell use script")
        .min(1)
        .refine((words) => words[0] !== "", "the program's name is empty")
        .optional()
        .meta({ description: "Program and arguments, started without a shell" }),
      script: NoNul.min(1)
        .optional()
        .meta({ description: "Run by /bin/sh, or by the interpreter its first line (#!) names" }),
      env: Env.optional().meta({ description: "Environment variables of every task" }),
      workDir: NoNul.startsWith("/", "workDir is an absolute path on the node")
        .optional()
        .meta({ description: "Existing directory on the node; without it each attempt gets an empty one of its own" }),
      resources: z
        .strictObject(
          {
            cpus: z
              .number()
              .nonnegative()
              .max(MAX_CPUS)
              .refine((cpus) => Number.isInteger(Math.round(cpus * 1e6) / 1e3), "cpus counts in thousandths")
              .optional(),
            memory: ByteSize.optional(),
            gpus: GpuResources.optional(),
            gpuMemory: GpuMemory.optional(),
          },
          onlyItsFields("resources"),
        )
        .refine(({ gpus, gpuMemory }) => !saysGpusTwice(gpus, gpuMemory), {
          message: "give a count of GPUs or a share of one GPU's memory, not both",
          path: ["gpuMemory"],
        })
        .optional()
        .meta({ description: "What each task needs; 1 CPU, 512 MiB and no GPU where nothing is said" }),
      array: TaskArray.optional().meta({ description: "Run the job as many tasks, each with values of its own" }),
      models: z
        .array(ModelName)
        .min(1)
        .max(20)
        .refine((names) => new Set(names).size === names.length, "no model twice")
        .optional()
        .meta({ description: "Models that must be on the node; each task finds them by DROVER_MODEL_<NAME>" }),
      after: JobDependencies.optional(),
      priority: z
        .int()
        .min(-MAX_PRIORITY)
        .max(MAX_PRIORITY)
        .optional()
        .meta({ description: "Starts before what waits with a lower one; 0 where nothing is said" }),
      timeout: Duration.refine(
        (ms) => ms > 0 && ms <= MAX_TIMEOUT_MS,
        "a timeout is between 1 ms and 10 years",
      ).optional(),
      retries: z
        .int()
        .min(0)
        .max(MAX_RETRIES)
        .optional()
        .meta({ description: "Further attempts after the task's own failures" }),
      labels: Labels.optional(),
      onDisconnect: z.enum(OnDisconnect).optional(),
    },
    onlyItsFields("a job"),
  )
  .refine((job) => (job.command === undefined) !== (job.script === undefined), {
    message: "give exactly one of command and script",
    path: ["command"],
  })
  .meta({ id: "JobSubmission" });
export type JobSubmission = z.input<typeof JobSubmission>;
export type ParsedJobSubmission = z.output<typeof JobSubmission>;

/** The immutable spec: the submission with every default filled in and every unit resolved. */
export const JobSpec = z
  .object({
    name: z.string().nullable(),
    command: z.array(z.string()).nullable(),
    script: z.string().nullable(),
    env: z.record(z.string(), z.string()),
    workDir: z.string().nullable(),
    resources: ResourceRequest,
    /** `null` for a job of one task that is no array. */
    arraySize: z.int().nullable(),
    /** `null` where the tasks differ by their index alone. */
    sweep: Sweep.nullable(),
    /** No job twice; its tasks are held out of the queue until every one is met. */
    after: z.array(JobDependency),
    /** Of two waiting tasks the one with the higher number comes first; of equals the one submitted first. */
    priority: z.int(),
    timeoutMs: z.int().nullable(),
    maxRetries: z.int(),
    labels: z.record(z.string(), z.string()),
    onDisconnect: z.enum(OnDisconnect),
  })
  .meta({ id: "JobSpec" });
export type JobSpec = z.infer<typeof JobSpec>;

/** What the names mean is found out when the job is accepted. */
function modelRequests(names: readonly string[] | undefined): Pick<ResourceRequest, "models"> {
  return names === undefined ? {} : { models: names.map((name) => ({ name, revisionId: null })) };
}

export function toJobSpec(submission: ParsedJobSubmission): JobSpec {
  const { resources } = submission;
  return {
    name: submission.name ?? null,
    command: submission.command ?? null,
    script: submission.script ?? null,
    env: submission.env ?? {},
    workDir: submission.workDir ?? null,
    resources: {
      cpuMilli: resources?.cpus === undefined ? DEFAULT_RESOURCES.cpuMilli : Math.round(resources.cpus * 1000),
      memoryBytes: resources?.memory ?? DEFAULT_RESOURCES.memoryBytes,
      ...toGpuRequest(resources?.gpus, resources?.gpuMemory),
      ...modelRequests(submission.models),
    },
    arraySize: submission.array ? arraySizeOf(submission.array) : null,
    sweep: submission.array ? sweepOf(submission.array) : null,
    after: submission.after ?? [],
    priority: submission.priority ?? DEFAULT_PRIORITY,
    timeoutMs: submission.timeout ?? null,
    maxRetries: submission.retries ?? 0,
    labels: submission.labels ?? {},
    onDisconnect: submission.onDisconnect ?? OnDisconnect.restart,
  };
}

const COMMAND_LINE_CHARS = 200;

/** What a job runs, for people: words quoted where a shell would need it; of a script the first line that does something. */
export function commandLineOf({ command, script }: Pick<JobSpec, "command" | "script">): string {
  const words = command?.map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : JSON.stringify(word)));
  return (words?.join(" ") ?? firstStatementOf(script ?? "")).slice(0, COMMAND_LINE_CHARS);
}

function firstStatementOf(script: string): string {
  const lines = script.split("\n").map((line) => line.trim());
  return lines.find((line) => line !== "" && !line.startsWith("#")) ?? "(script)";
}

export function taskCount(spec: JobSpec): number {
  return spec.arraySize ?? 1;
}
