import type { AttemptId, JobId, NodeId } from "@drover/shared/domain/ids.ts";
import type { JobSpec } from "@drover/shared/domain/job.ts";
import type { Fleet } from "../core/fleet.ts";
import type { Input } from "../core/input.ts";
import type { SchedulingPolicy } from "../core/scheduler/policy.ts";
import { helloOf, nodeIdOf, type DescribedNode } from "./described-node.ts";
import { instantAt, VirtualFleet } from "./virtual-fleet.ts";

export interface RehearsedJob {
  readonly spec: JobSpec;
  readonly user: string;
  readonly submitMs: number;
  /** Of each of its tasks, unless its timeout ends it before. */
  readonly runMs: number;
}

/** What became of one task; times from the beginning of the rehearsal. */
export interface RehearsedTask {
  readonly job: RehearsedJob;
  readonly index: number;
  readonly nodeName: string;
  readonly gpuMilli: number;
  readonly startMs: number;
  readonly endMs: number;
}

export interface Rehearsal {
  /** In the order in which they started. */
  readonly tasks: RehearsedTask[];
  /** Tasks that no node could ever take. */
  readonly neverStarted: { readonly job: RehearsedJob; readonly index: number }[];
}

/**
 * Runs the jobs on the nodes, by the coordinator's own scheduler under a virtual clock: what would start when. Nodes never
 * fail, what is started runs at once, and no job comes after others.
 */
export function rehearse(
  nodes: readonly DescribedNode[],
  jobs: readonly RehearsedJob[],
  policy: SchedulingPolicy,
): Rehearsal {
  const tasks: RehearsedTask[] = [];
  const jobById = new Map<JobId, RehearsedJob>();
  const names = new Map<NodeId, string>();
  const virtual: VirtualFleet = new VirtualFleet(policy, (attemptId, atMs) => {
    const attempt = virtual.fleet.attempts.get(attemptId);
    const job = attempt && jobById.get(attempt.jobId);
    if (!attempt || !job) return;
    const { allocation, nodeId, taskIndex } = attempt;
    const timeoutMs = job.spec.timeoutMs ?? Number.POSITIVE_INFINITY;
    const endMs = atMs + Math.min(job.runMs, timeoutMs);
    virtual.at(endMs, () => endOf(virtual.fleet, attemptId, job.runMs > timeoutMs, atMs, endMs));
    const gpuMilli = allocation.gpuIds.length * allocation.gpuMilli;
    tasks.push({ job, index: taskIndex, nodeName: names.get(nodeId) ?? nodeId, gpuMilli, startMs: atMs, endMs });
  });
  for (const [index, node] of nodes.entries()) {
    names.set(nodeIdOf(index), node.name);
    virtual.at(0, () => helloOf(node, index, instantAt(0)));
  }
  for (const job of jobs) {
    virtual.at(job.submitMs, () => {
      jobById.set(virtual.fleet.peekJobId(), job);
      return submissionOf(job);
    });
  }
  virtual.run();
  const neverStarted = [...virtual.fleet.tasks.values()].flatMap((task) => {
    const job = jobById.get(task.jobId);
    return job ? [{ job, index: task.index }] : [];
  });
  return { tasks, neverStarted };
}

function submissionOf({ spec, user }: RehearsedJob): Input {
  return { type: "submitJob", spec, actor: user, idempotency: null, storedUnderKey: null, storedEnds: new Map() };
}

function endOf(fleet: Fleet, attemptId: AttemptId, timedOut: boolean, startMs: number, endMs: number): Input {
  const nodeId = fleet.attempts.get(attemptId)?.nodeId as NodeId;
  const outcome = timedOut ? { type: "timedOut" as const } : { type: "exited" as const, code: 0 };
  const report = {
    attemptId,
    state: "ended" as const,
    pid: 1,
    startedAtMs: instantAt(startMs).wallMs,
    endedAtMs: instantAt(endMs).wallMs,
    outputBytes: 0,
    usage: null,
    outcome,
  };
  return { type: "attemptReports", sessionId: fleet.sessionIdOf(nodeId) ?? 0, nodeId, reports: [report] };
}
