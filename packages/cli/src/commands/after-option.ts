import { DependencyCondition } from "@drover/shared/domain/dependency.ts";
import type { JobSubmission } from "@drover/shared/domain/job.ts";
import { InvalidArgumentError, Option } from "commander";

/** Jobs to come after, as a submission writes them. */
export type Dependencies = NonNullable<JobSubmission["after"]>;

/** `--after 12 --after 13:onFailure`: the same for every command that submits. */
export function afterOption(): Option {
  return new Option(
    "--after <job[:when]>",
    "start only when this job has succeeded, or ended so: 12:onFailure, 12:always; may be repeated",
  ).argParser(collectDependency);
}

function collectDependency(text: string, dependencies: Dependencies = []): Dependencies {
  const [id = "", when, ...rest] = text.split(":");
  if (!/^[1-9]\d{0,14}$/.test(id) || rest.length > 0 || (when !== undefined && !isCondition(when)))
    throw new InvalidArgumentError("write a job's id, such as 12, or with a condition 12:onFailure or 12:always");
  return [...dependencies, when === undefined ? Number(id) : { job: Number(id), when }];
}

function isCondition(text: string): text is DependencyCondition {
  return Object.hasOwn(DependencyCondition, text);
}
