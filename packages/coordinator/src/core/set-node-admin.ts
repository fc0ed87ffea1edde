import { steadyWallMs } from "./drain.ts";
import type { Effects } from "./effects.ts";
import type { Fleet, Instant } from "./fleet.ts";
import type { NodeCommand, NodeCommandResult } from "./input.ts";
import { moveAdmin } from "./node-admin.ts";

/**
 * An operator says what is wanted of a node: all of it, so a drain without a deadline takes an earlier one
 * back. Holds until the next word, over restarts of either side and reboots of the machine.
 */
export function setNodeAdmin(
  fleet: Fleet,
  { nodeId, admin, reason, deadlineAfterMs, actor }: Extract<NodeCommand, { type: "setNodeAdmin" }>,
  effects: Effects,
  now: Instant,
): NodeCommandResult {
  const node = fleet.nodes.get(nodeId);
  if (!node) return { ok: false, code: "node.notFound", message: `No node has the id "${nodeId}".` };
  const isSaidAgain =
    node.admin === admin &&
    (node.adminChange?.reason ?? null) === reason &&
    (node.adminChange?.deadlineMs ?? null) === null &&
    deadlineAfterMs === null;
  // What a drain wants is reached already, and cannot be more so.
  const isReached = admin === "draining" && node.admin === "drained";
  const isOpenAnyway = admin === "schedulable" && node.admin === "schedulable";
  if (isSaidAgain || isReached || isOpenAnyway) return { ok: true };
  const deadlineMs = deadlineAfterMs === null ? null : Math.round(steadyWallMs(fleet, now) + deadlineAfterMs);
  moveAdmin(fleet, node, admin, { actor, reason, deadlineMs }, now);
  const told = { nodeId, nodeName: node.name, actor, reason };
  if (admin === "schedulable") effects.tell({ event: "node.uncordoned", ...told });
  else if (admin === "cordoned") effects.tell({ event: "node.cordoned", ...told });
  else {
    const deadline = deadlineMs === null ? null : new Date(deadlineMs).toISOString();
    effects.tell({ event: "node.draining", ...told, deadline });
  }
  return { ok: true };
}
