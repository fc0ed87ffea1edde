import type { Attempt, DependencyDetail, Job, JobSummary, Task } from "@drover/shared/api/jobs.ts";
import type { Node, NodeDetail } from "@drover/shared/api/nodes.ts";
import { judgeDependency } from "@drover/shared/domain/dependency.ts";
import type { JobId } from "@drover/shared/domain/ids.ts";
import { commandLineOf, taskCount, type JobState } from "@drover/shared/domain/job.ts";
import { gpuSharesOf } from "@drover/shared/domain/resources.ts";
import { roleIncludes } from "@drover/shared/domain/role.ts";
import type { WaitingReason } from "@drover/shared/domain/waiting-reason.ts";
import { missingGpus } from "../core/expected-hardware.ts";
import type { Caller } from "../access/tokens.ts";
import type { Fleet } from "../core/fleet.ts";
import type { AttemptRecord, JobRecord, JobSummaryRecord, NodeRecord, TaskRecord } from "../core/records.ts";

/** What stands in the place of a value that is not for the reader. */
const HIDDEN = "(hidden)";

/** The values of its environment are for its submitter and for operators: keys and passwords come that way. */
export function jobView(job: JobRecord, reader: Caller): Job {
  const { name, labels } = job.spec;
  const commandLine = commandLineOf(job.spec);
  const isTheirs = job.submittedBy === reader.name || roleIncludes(reader.role, "operator");
  const env = isTheirs ? job.spec.env : Object.fromEntries(Object.keys(job.spec.env).map((name) => [name, HIDDEN]));
  return {
    ...jobSummaryView({ ...job, name, labels, commandLine, taskCount: taskCount(job.spec) }),
    spec: { ...job.spec, env },
  };
}

export function jobSummaryView(job: JobSummaryRecord): JobSummary {
  return {
    id: job.id,
    name: job.name,
    state: job.state,
    cancelRequested: job.cancelRequested,
    taskCount: job.taskCount,
    tasksByState: job.tasksByState,
    commandLine: job.commandLine,
    labels: job.labels,
    submittedAt: timestamp(job.submittedAtMs),
    startedAt: timestampOrNull(job.startedAtMs),
    endedAt: timestampOrNull(job.endedAtMs),
    submittedBy: job.submittedBy,
  };
}

export function dependenciesView(job: JobRecord, stateOf: (jobId: JobId) => JobState | null): DependencyDetail[] {
  return job.spec.after.flatMap(({ jobId, when }) => {
    const state = stateOf(jobId);
    return state === null ? [] : [{ jobId, when, state, standing: judgeDependency(when, state) }];
  });
}

export function taskView(task: TaskRecord, reason: WaitingReason | null, attempts: Attempt[]): Task {
  return {
    index: task.index,
    state: task.state,
    cause: task.cause,
    since: timestamp(task.sinceMs),
    waitingReason: reason && { code: reason.code, message: reason.message },
    attempts,
  };
}

export function attemptView(attempt: AttemptRecord, fleet: Fleet, storedBytes: () => number): Attempt {
  const node = fleet.nodes.get(attempt.nodeId);
  const isLive = attempt.state !== "ended";
  return {
    id: attempt.id,
    number: attempt.number,
    nodeId: attempt.nodeId,
    nodeName: node?.name ?? attempt.nodeId,
    state: attempt.state,
    unknown: isLive && (node?.link === "disconnected" || node?.link === "lost"),
    outcome: attempt.outcome,
    blame: attempt.blame,
    allocation: attempt.allocation,
    pid: attempt.pid,
    outputBytes: attempt.outputBytes ?? storedBytes(),
    usage: attempt.usage,
    assignedAt: timestamp(attempt.assignedAtMs),
    startedAt: timestampOrNull(attempt.startedAtMs),
    endedAt: timestampOrNull(attempt.endedAtMs),
  };
}

export function nodeView(node: NodeRecord, fleet: Fleet): Node {
  const presence = fleet.presences.get(node.id);
  const attempts = fleet.attemptsOn(node.id);
  const allocated = { cpuMilli: 0, memoryBytes: 0 };
  const gpuMilliById = new Map<string, number>();
  for (const { allocation } of attempts) {
    allocated.cpuMilli += allocation.cpuMilli;
    allocated.memoryBytes += allocation.memoryBytes;
    for (const { gpuId, gpuMilli } of gpuSharesOf(allocation))
      gpuMilliById.set(gpuId, (gpuMilliById.get(gpuId) ?? 0) + gpuMilli);
  }
  return {
    id: node.id,
    name: node.name,
    site: node.site,
    labels: node.labels,
    link: node.link,
    linkSince: timestamp(node.linkSinceMs),
    goneSince: timestampOrNull(node.goneSinceMs),
    admin: node.admin,
    adminSince: timestampOrNull(node.adminChange?.sinceMs ?? null),
    adminActor: node.adminChange?.actor ?? null,
    adminReason: node.adminChange?.reason ?? null,
    drainDeadline: timestampOrNull(node.adminChange?.deadlineMs ?? null),
    agentVersion: node.agentVersion,
    bootId: node.bootId,
    machineId: node.machineId,
    capacity: node.capacity,
    allocated: { ...allocated, gpuShares: [...gpuMilliById].map(([gpuId, gpuMilli]) => ({ gpuId, gpuMilli })) },
    attemptCount: attempts.length,
    hardware: node.hardware,
    health: node.health,
    missingGpus: [...missingGpus(node.expected, node.hardware.gpus)],
    load: presence?.load ?? null,
    lastHeardAt: timestampOrNull(presence?.heardAtMs ?? null),
    joinedAt: timestamp(node.joinedAtMs),
  };
}

export function nodeDetailView(node: NodeRecord, fleet: Fleet): NodeDetail {
  return { ...nodeView(node, fleet), attempts: fleet.attemptsOn(node.id).map((attempt) => attempt.id) };
}

export function timestamp(epochMs: number): string {
  return new Date(epochMs).toISOString();
}

export function timestampOrNull(epochMs: number | null): string | null {
  return epochMs === null ? null : timestamp(epochMs);
}
