import { assertNever } from "@drover/shared/assert.ts";
import type { JobRecord } from "../records.ts";
import { estimateClass, estimateMs, MAX_HANDICAP_MS } from "./estimates.ts";
import type { SchedulingPolicy } from "./policy.ts";
import type { Standing } from "./waiting-queue.ts";

export function standingOf(job: JobRecord, policy: SchedulingPolicy): Standing {
  const ms = estimateMs(job);
  return { priority: job.spec.priority, rank: rankOf(job, ms, policy), estimateClass: estimateClass(ms) };
}

function rankOf(job: JobRecord, ms: number | null, { order }: SchedulingPolicy): number {
  switch (order) {
    case "submission":
      return 0;
    case "shortest":
      return ms ?? Number.MAX_SAFE_INTEGER;
    case "aged":
      return job.submittedAtMs + Math.min(ms ?? MAX_HANDICAP_MS, MAX_HANDICAP_MS);
    default:
      return assertNever(order);
  }
}
