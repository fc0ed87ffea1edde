import { invariant } from "@drover/shared/assert.ts";
import { NODE_ADMIN_TRANSITIONS, type NodeAdmin } from "@drover/shared/domain/node.ts";
import type { Fleet, Instant } from "./fleet.ts";
import type { AdminChange, NodeRecord } from "./records.ts";

/** The only way to change what is wanted of a node. The same state again takes the new reason and deadline. */
export function moveAdmin(
  fleet: Fleet,
  node: NodeRecord,
  admin: NodeAdmin,
  change: Omit<AdminChange, "sinceMs">,
  now: Instant,
): void {
  const isSame = node.admin === admin;
  invariant(
    isSame || NODE_ADMIN_TRANSITIONS[node.admin].includes(admin),
    `node ${node.id} cannot go from ${node.admin} to ${admin}`,
  );
  const sinceMs = isSame && node.adminChange ? node.adminChange.sinceMs : now.wallMs;
  fleet.nodes.put(node.id, { ...node, admin, adminChange: { ...change, sinceMs } });
}
