import type { JobId } from "@drover/shared/domain/ids.ts";
import { WAITING_REASONS, type WaitingReason, type WaitingReasonCode } from "@drover/shared/domain/waiting-reason.ts";
import type { Fleet } from "./fleet.ts";
import type { JobRecord } from "./records.ts";
import { countConstraints } from "./scheduler/constraints.ts";
import { expectStart } from "./scheduler/expect-start.ts";
import { explainWaiting } from "./scheduler/explain.ts";

/** A sentence that names a hundred jobs is read by nobody. */
const MAX_NAMED_JOBS = 5;

/** The one top reason of all of a job's queued tasks: what keeps them from the scheduler, else what the scheduler says. */
export function whyJobWaits(fleet: Fleet, job: JobRecord, nowMs: number): WaitingReason {
  if (fleet.dependencies.isHeld(job.id)) return awaitsOthers(fleet, job);
  const { resources } = job.spec;
  return {
    ...explainWaiting(fleet, resources),
    nodeCount: fleet.nodes.size,
    constraints: countConstraints(fleet, resources, job.id),
    ...expectStart(fleet, job, nowMs),
  };
}

/** How many tasks wait for which reason. */
export function countWaiting(fleet: Fleet): Map<WaitingReasonCode, number> {
  const counts = new Map<WaitingReasonCode, number>();
  const add = (code: WaitingReasonCode, count: number): void => void counts.set(code, (counts.get(code) ?? 0) + count);
  for (const jobId of fleet.dependencies.heldJobIds()) add("dependency", queuedCountOf(fleet, jobId));
  for (const shape of fleet.queue.shapes()) add(explainWaiting(fleet, shape.demand.request).code, shape.waitingCount);
  return counts;
}

function queuedCountOf(fleet: Fleet, jobId: JobId): number {
  return fleet.jobs.get(jobId)?.tasksByState.queued ?? 0;
}

function awaitsOthers(fleet: Fleet, job: JobRecord): WaitingReason {
  const { text, advice } = WAITING_REASONS.dependency;
  const awaited = fleet.dependencies.awaitedBy(job);
  const named = awaited.slice(0, MAX_NAMED_JOBS).map(({ id, state }) => `job ${id} (${state})`);
  const rest = awaited.length > named.length ? ` and ${awaited.length - named.length} more` : "";
  return {
    code: "dependency",
    message: `${text}: ${named.join(", ")}${rest}; ${advice}`,
    nodes: [],
    nodeCount: fleet.nodes.size,
    constraints: [],
    aheadCount: 0,
    start: null,
  };
}
