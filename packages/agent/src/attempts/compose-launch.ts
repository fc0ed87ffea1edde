import type { GpuDevice } from "@drover/shared/domain/gpu.ts";
import type { RevisionId } from "@drover/shared/domain/model.ts";
import type { Assignment } from "@drover/shared/protocol/messages.ts";
import type { JobUser } from "../job-user.ts";
import type { Launch } from "../spool/launch-file.ts";
import type { CgroupRoots } from "../runtime/open-cgroups.ts";
import { cgroupsFor } from "./attempt-cgroups.ts";
import { environmentFor } from "./environment.ts";

/** A third of the weight of a process of the machine itself (sched(7): 1.25 to the fifth). */
const NICENESS_WITHOUT_SHARES = 5;

export interface LaunchContext {
  nodeName: string;
  bootId: string;
  /** The attempt's directory in the spool. */
  directory: string;
  cgroupRoots: CgroupRoots;
  gpus: readonly GpuDevice[];
  /** What of a GPU's memory is taken now; `null` where nobody says. */
  gpuMemoryTaken(gpuId: string): number | null;
  inherited: Readonly<Record<string, string | undefined>>;
  jobUser: JobUser | null;
  /** Of a revision that is ready; `null` where it is not. */
  modelPath(revisionId: RevisionId): string | null;
  hubCachePath: string | null;
}

/** An assignment in the terms of this node: paths, words of the command line, the whole environment. */
export function composeLaunch(assignment: Assignment, context: LaunchContext): Launch {
  const { directory } = context;
  return {
    attemptId: assignment.attemptId,
    bootId: context.bootId,
    timeoutMs: assignment.timeoutMs,
    stopGraceMs: assignment.stopGraceMs,
    onDisconnect: assignment.onDisconnect,
    workDir: assignment.workDir ?? `${directory}/work`,
    user: context.jobUser,
    niceness: context.cgroupRoots.controllers.cpu === undefined ? NICENESS_WITHOUT_SHARES : 0,
    cgroups: cgroupsFor(assignment.attemptId, assignment.allocation, context.gpus, context.cgroupRoots),
    gpus: assignment.allocation.gpuIds.map((id) => ({ id, takenBytes: context.gpuMemoryTaken(id) })),
    arguments: assignment.script === null ? (assignment.command ?? []) : scriptCommand(assignment.script, directory),
    environment: environmentFor(assignment, {
      nodeName: context.nodeName,
      tmpDir: `${directory}/tmp`,
      homeDir: `${directory}/home`,
      gpus: context.gpus,
      inherited: context.inherited,
      jobUser: context.jobUser,
      modelPath: (revisionId) => context.modelPath(revisionId),
      hubCachePath: context.hubCachePath,
    }),
  };
}

/** Run by the interpreter its first line names, or by the shell. */
function scriptCommand(script: string, directory: string): string[] {
  const path = `${directory}/script`;
  return script.startsWith("#!") ? [path] : ["/bin/sh", path];
}
