import type { WaitingReason } from "@drover/shared/domain/waiting-reason.ts";
import type { AttemptId, JobId } from "@drover/shared/domain/ids.ts";
import type { Fleet } from "../fleet.ts";
import type { JobRecord } from "../records.ts";
import { Demand } from "./demand.ts";
import { earliestStart } from "./earliest-start.ts";

/** A sentence that names a hundred jobs is read by nobody. */
const MAX_NAMED_JOBS = 5;

/** How many tasks come before the job's first one that waits, and where and when that one can probably start. */
export function expectStart(fleet: Fleet, job: JobRecord, nowMs: number): Pick<WaitingReason, "aheadCount" | "start"> {
  const first = fleet.queue.firstOf(job, fleet.queuedTasksOf(job));
  if (!first) return { aheadCount: 0, start: null };
  const aheadCount = fleet.queue.countBefore(
    first,
    ({ jobId, taskIndex }) => fleet.task(jobId, taskIndex)?.state === "queued",
  );
  const kept = fleet.reservations.of(first);
  const demand = new Demand(job.spec.resources);
  const nodes = fleet.capacity.openNodes().nodes.filter(({ nodeId }) => !fleet.reservations.on(nodeId));
  const found = kept ?? earliestStart(fleet, nodes, demand, nowMs);
  if (!found) return { aheadCount, start: null };
  const { nodeId, awaitedIds, startMs } = found;
  const jobs = jobsOf(fleet, awaitedIds);
  // What has outlived its estimate ends nobody knows when.
  const isKnown = startMs !== null && startMs >= nowMs;
  const start = {
    nodeId,
    nodeName: fleet.nodes.get(nodeId)?.name ?? nodeId,
    isKept: kept !== undefined,
    awaitedCount: awaitedIds.length,
    awaitedJobIds: jobs.map(({ id }) => id).slice(0, MAX_NAMED_JOBS),
    inMs: isKnown ? startMs - nowMs : null,
    isBound: isKnown && jobs.every(({ spec }) => spec.timeoutMs !== null),
  };
  return { aheadCount, start };
}

function jobsOf(fleet: Fleet, attemptIds: readonly AttemptId[]): JobRecord[] {
  const ids = new Set<JobId>();
  for (const id of attemptIds) {
    const jobId = fleet.attempts.get(id)?.jobId;
    if (jobId !== undefined) ids.add(jobId);
  }
  return [...ids].flatMap((id) => fleet.jobs.get(id) ?? []);
}
