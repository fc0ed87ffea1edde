import type { AttemptId, JobId, NodeId } from "@drover/shared/domain/ids.ts";
import type { AttemptRecord, JobRecord } from "../records.ts";
import type { NodeCapacity } from "./capacity.ts";
import type { Demand } from "./demand.ts";
import { expectedEndMs } from "./estimates.ts";
import { copyRoom, fits, give, type Room } from "./room.ts";

/** What is known of what runs. */
export interface Running {
  readonly attempts: { get: (id: AttemptId) => AttemptRecord | undefined };
  readonly jobs: { get: (id: JobId) => JobRecord | undefined };
  readonly settings: { readonly stopGraceMs: number };
}

/** Where there will be room, and what has to end there first. */
export interface EarliestStart {
  readonly nodeId: NodeId;
  readonly awaitedIds: readonly AttemptId[];
  /** When the last of them has ended, by the estimates; `null` where one has none. */
  readonly startMs: number | null;
  /** When it must have turned out; later than that another node may be the better one. */
  readonly chooseAgainMs: number;
}

/** Whatever has an estimate comes before what has none. */
const WITHOUT_ESTIMATE_MS = 1e15;
/** What has only begun is not taken to be over at once. */
const SHORTEST_GUESS_MS = 60_000;

/** The node on which there is room first; of equals the first. Only nodes that are large enough count as looked at. */
export function earliestStart(
  running: Running,
  nodes: Iterable<NodeCapacity>,
  demand: Demand,
  nowMs: number,
  maxLooks = Number.POSITIVE_INFINITY,
): EarliestStart | null {
  let best: EarliestStart | null = null;
  let leastMs = Number.POSITIVE_INFINITY;
  let looks = 0;
  for (const node of nodes) {
    if (looks === maxLooks) break;
    if (!fits(node.all, demand)) continue;
    looks++;
    const found = startOn(running, node, demand, nowMs, leastMs);
    if (!found) continue;
    leastMs = found.probableMs;
    const chooseAgainMs = found.probableMs - (found.probableMs > WITHOUT_ESTIMATE_MS ? WITHOUT_ESTIMATE_MS : 0);
    const { awaitedIds } = found;
    best = { nodeId: node.nodeId, awaitedIds, startMs: lastEndMs(running, awaitedIds), chooseAgainMs };
  }
  return best;
}

/** When the last of the attempts has ended, by their estimates. */
export function lastEndMs(running: Running, ids: readonly AttemptId[]): number | null {
  let lastMs = 0;
  for (const id of ids) {
    const endMs = endMsOf(running, id);
    if (endMs === null) return null;
    lastMs = Math.max(lastMs, endMs);
  }
  return lastMs;
}

/** What is free when those attempts have ended. */
export function roomAfter(running: Running, node: NodeCapacity, ids: readonly AttemptId[]): Room {
  const room = copyRoom(node.free);
  for (const id of ids) {
    const attempt = running.attempts.get(id);
    if (attempt) give(room, attempt.allocation);
  }
  return room;
}

/** Those that probably end first are waited for, until there is room. `null`: not before `beforeMs`. */
function startOn(
  running: Running,
  node: NodeCapacity,
  demand: Demand,
  nowMs: number,
  beforeMs: number,
): { awaitedIds: AttemptId[]; probableMs: number } | null {
  const ends = [...node.attemptIds].map((id) => ({ id, endMs: probableEndMs(running, id, nowMs) }));
  ends.sort((a, b) => a.endMs - b.endMs);
  const room = copyRoom(node.free);
  const awaitedIds: AttemptId[] = [];
  let probableMs = nowMs;
  for (const { id, endMs } of ends) {
    if (fits(room, demand)) break;
    if (endMs >= beforeMs) return null;
    const attempt = running.attempts.get(id);
    if (attempt) give(room, attempt.allocation);
    awaitedIds.push(id);
    probableMs = endMs;
  }
  return fits(room, demand) && probableMs < beforeMs ? { awaitedIds, probableMs } : null;
}

/** What has no estimate, or has outlived it, is supposed to run for as long again as it has. */
function probableEndMs(running: Running, id: AttemptId, nowMs: number): number {
  const endMs = endMsOf(running, id);
  if (endMs !== null && endMs > nowMs) return endMs;
  const attempt = running.attempts.get(id);
  return attempt ? WITHOUT_ESTIMATE_MS + nowMs + Math.max(SHORTEST_GUESS_MS, nowMs - attempt.assignedAtMs) : nowMs;
}

function endMsOf({ attempts, jobs, settings }: Running, id: AttemptId): number | null {
  const attempt = attempts.get(id);
  const job = attempt && jobs.get(attempt.jobId);
  return attempt && job ? expectedEndMs(attempt, job, settings.stopGraceMs) : null;
}
