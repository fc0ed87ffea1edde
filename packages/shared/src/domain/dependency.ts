import { z } from "zod";
import { assertNever } from "../assert.ts";
import { JobId } from "./ids.ts";
import type { JobState } from "./job.ts";

const MAX_DEPENDENCIES = 100;

/** Which end of a job the job that comes after it waits for. */
export const DependencyCondition = {
  /** Every task succeeded. */
  onSuccess: "onSuccess",
  /** It failed or was canceled. */
  onFailure: "onFailure",
  always: "always",
} as const;
export type DependencyCondition = (typeof DependencyCondition)[keyof typeof DependencyCondition];

export const JobDependency = z.object({ jobId: JobId, when: z.enum(DependencyCondition) });
export type JobDependency = z.infer<typeof JobDependency>;

export const DependencyStanding = {
  /** The job has not ended. */
  awaited: "awaited",
  /** It ended as the dependent wants it. */
  met: "met",
  /** It ended otherwise: the dependent can never run. */
  failed: "failed",
} as const;
export type DependencyStanding = (typeof DependencyStanding)[keyof typeof DependencyStanding];

/** What the state of a job means for one that comes after it. */
export function judgeDependency(when: DependencyCondition, state: JobState): DependencyStanding {
  switch (state) {
    case "queued":
    case "running":
      return "awaited";
    case "succeeded":
      return when === "onFailure" ? "failed" : "met";
    case "failed":
    case "canceled":
      return when === "onSuccess" ? "failed" : "met";
    default:
      return assertNever(state);
  }
}

const OneDependency = z.union(
  [JobId, z.strictObject({ job: JobId, when: z.enum(DependencyCondition).optional() })],
  "write a job's id, such as 12, or {job: 12, when: onFailure}; when is onSuccess, onFailure or always",
);

/** As people write it: `[12, {job: 13, when: onFailure}]`. */
export const JobDependencies = z
  .array(OneDependency, "after is a list of jobs, such as [12, {job: 13, when: onFailure}]")
  .max(MAX_DEPENDENCIES, `after names at most ${MAX_DEPENDENCIES} jobs`)
  .superRefine((dependencies, context) => {
    const seen = new Set<JobId>();
    for (const [index, dependency] of dependencies.entries()) {
      const jobId = typeof dependency === "number" ? dependency : dependency.job;
      if (seen.has(jobId)) context.addIssue({ code: "custom", message: `names job ${jobId} twice`, path: [index] });
      seen.add(jobId);
    }
  })
  .transform((dependencies) =>
    dependencies.map((dependency): JobDependency =>
      typeof dependency === "number"
        ? { jobId: dependency, when: DependencyCondition.onSuccess }
        : { jobId: dependency.job, when: dependency.when ?? DependencyCondition.onSuccess },
    ),
  )
  .meta({
    description:
      "Start only when these jobs have ended: a bare id waits for success; `when` says onSuccess, onFailure (it failed " +
      "or was canceled) or always. A job whose condition can no longer come true is canceled. Only jobs that exist " +
      "already can be named, so there can be no cycles",
    examples: [[12, { job: 13, when: "onFailure" }]],
  });
