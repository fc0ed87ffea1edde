import type { NodeId } from "@drover/shared/domain/ids.ts";
import { MS_PER_MINUTE, MS_PER_SECOND } from "@drover/shared/units.ts";
import type { Fleet, Instant } from "./fleet.ts";

const FIRST_PAUSE_MS = 2 * MS_PER_SECOND;
const MAX_PAUSE_MS = 5 * MS_PER_MINUTE;

/**
 * The pause doubles with each failure in a row. What fails during a pause was given to the node before it, and fails
 * of the same: a disk that was full for a second has six attempts fail at once, and is no reason for a minute.
 */
export function coolDown(fleet: Fleet, nodeId: NodeId, now: Instant): void {
  const current = fleet.cooldowns.get(nodeId);
  if (current && !current.isOver) return;
  const failureCount = (current?.failureCount ?? 0) + 1;
  const pauseMs = Math.min(MAX_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (failureCount - 1));
  fleet.cooldowns.put(nodeId, { nodeId, failureCount, untilMonotonicMs: now.monotonicMs + pauseMs, isOver: false });
}

/** Nothing new goes there for so long, through no failure of its own. */
export function pause(fleet: Fleet, nodeId: NodeId, durationMs: number, now: Instant): void {
  const current = fleet.cooldowns.get(nodeId);
  const untilMonotonicMs = Math.max(now.monotonicMs + durationMs, current?.untilMonotonicMs ?? 0);
  fleet.cooldowns.put(nodeId, { nodeId, failureCount: current?.failureCount ?? 0, untilMonotonicMs, isOver: false });
}

/** Something ran there: the node is all right. */
export function forgetFailures(fleet: Fleet, nodeId: NodeId): void {
  const cooldown = fleet.cooldowns.get(nodeId);
  if (cooldown && cooldown.failureCount > 0)
    fleet.cooldowns.put(nodeId, { ...cooldown, failureCount: 0, isOver: true });
}

/** The pauses that have passed; what was counted stays, so that the next failure means a longer one. */
export function endCooldowns(fleet: Fleet, now: Instant): void {
  for (const cooldown of fleet.cooldowns.values()) {
    if (!cooldown.isOver && cooldown.untilMonotonicMs <= now.monotonicMs) {
      fleet.cooldowns.put(cooldown.nodeId, { ...cooldown, isOver: true });
    }
  }
}
