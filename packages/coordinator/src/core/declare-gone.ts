import type { Effects } from "./effects.ts";
import type { Fleet, Instant } from "./fleet.ts";
import type { NodeCommand, NodeCommandResult } from "./input.ts";
import { giveUpAttempts, loseIfLeaseIsOver } from "./liveness.ts";
import type { NodeRecord } from "./records.ts";

/**
 * An operator says that a machine will not come back. No freeze holds it any longer, and no attempt waits for
 * it; but what ran there under its lease is given away only when the lease and the time to kill have passed.
 */
export function declareNodeGone(
  fleet: Fleet,
  { nodeId, actor }: Extract<NodeCommand, { type: "declareNodeGone" }>,
  effects: Effects,
  now: Instant,
): NodeCommandResult {
  const node = fleet.nodes.get(nodeId);
  if (!node) return { ok: false, code: "node.notFound", message: `No node has the id "${nodeId}".` };
  if (node.link === "online") return { ok: false, code: "node.stillOnline", message: `${node.name} is online.` };
  declareGone(fleet, node, actor, effects, now);
  return { ok: true };
}

/** All of it or nothing: whoever names a site of which a node still answers has named the wrong one. */
export function declareSiteGone(
  fleet: Fleet,
  { site, actor }: Extract<NodeCommand, { type: "declareSiteGone" }>,
  effects: Effects,
  now: Instant,
): NodeCommandResult {
  const nodes = [...fleet.nodes.values()].filter((node) => node.site === site);
  if (nodes.length === 0) {
    const message = site === null ? "Every node names its site." : `No node is of site "${site}".`;
    return { ok: false, code: "site.notFound", message };
  }
  const online = nodes.filter((node) => node.link === "online").map((node) => node.name);
  if (online.length > 0) {
    const verb = online.length === 1 ? "is" : "are";
    return { ok: false, code: "site.stillOnline", message: `${listOf(online)} ${verb} online.` };
  }
  for (const node of nodes) declareGone(fleet, node, actor, effects, now);
  return { ok: true };
}

function declareGone(fleet: Fleet, node: NodeRecord, actor: string, effects: Effects, now: Instant): void {
  if (node.goneSinceMs !== null) return;
  const gone: NodeRecord = { ...node, goneSinceMs: now.wallMs };
  fleet.nodes.put(node.id, gone);
  effects.tell({ event: "node.declaredGone", nodeId: node.id, nodeName: node.name, actor });
  if (gone.link === "lost") giveUpAttempts(fleet, gone, effects, now);
  else loseIfLeaseIsOver(fleet, gone, effects, now);
}

const MAX_NAMES = 5;

function listOf(names: readonly string[]): string {
  const more = names.length - MAX_NAMES;
  return more > 0 ? `${names.slice(0, MAX_NAMES).join(", ")} and ${more} more` : names.join(", ");
}
