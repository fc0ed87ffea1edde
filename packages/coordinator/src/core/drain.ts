import { invariant } from "@drover/shared/assert.ts";
import type { Effects } from "./effects.ts";
import type { Fleet, Instant } from "./fleet.ts";
import { moveAdmin } from "./node-admin.ts";
import type { NodeRecord } from "./records.ts";
import { stopAttempt } from "./stop-attempt.ts";

/** The first protocol version whose heartbeats say how many attempts the agent holds. */
const COUNTING_PROTOCOL_VERSION = 2;

/** At every tick: what is over its deadline is stopped, and what is empty is drained. */
export function advanceDrains(fleet: Fleet, effects: Effects, now: Instant): void {
  for (const node of fleet.nodes.values()) {
    if (node.admin !== "draining") continue;
    const attempts = fleet.attemptsOn(node.id);
    if (attempts.length === 0) {
      if (isConfirmedEmpty(fleet, node)) becomeDrained(fleet, node, effects, now);
    } else if (isOverDeadline(fleet, node, now)) {
      for (const attempt of attempts) stopAttempt(fleet, attempt, "preempted", effects);
    }
  }
}

/**
 * The coordinator's wall clock, but steady: a clock that is set while it runs must not stop a fleet's work
 * hours early. After a restart the clock is taken as it is then.
 */
export function steadyWallMs({ startedAt }: Fleet, now: Instant): number {
  return startedAt === null ? now.wallMs : startedAt.wallMs + (now.monotonicMs - startedAt.monotonicMs);
}

/**
 * Whoever is told "drained" may switch the machine off: so it is the agent that says that nothing is left. An
 * agent that cannot say it has at least to be connected.
 */
function isConfirmedEmpty(fleet: Fleet, node: NodeRecord): boolean {
  const protocolVersion = fleet.sessions.get(node.id)?.protocolVersion ?? null;
  if (protocolVersion === null) return false;
  return protocolVersion < COUNTING_PROTOCOL_VERSION || fleet.presences.get(node.id)?.attemptCount === 0;
}

function isOverDeadline(fleet: Fleet, { adminChange }: NodeRecord, now: Instant): boolean {
  const deadlineMs = adminChange?.deadlineMs ?? null;
  return deadlineMs !== null && steadyWallMs(fleet, now) >= deadlineMs;
}

function becomeDrained(fleet: Fleet, node: NodeRecord, effects: Effects, now: Instant): void {
  invariant(node.adminChange, `somebody asked for the drain of ${node.id}`);
  const { actor, reason } = node.adminChange;
  moveAdmin(fleet, node, "drained", { actor, reason, deadlineMs: null }, now);
  effects.tell({ event: "node.drained", nodeId: node.id, nodeName: node.name, actor, reason });
}
