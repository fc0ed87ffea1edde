import { invariant } from "@drover/shared/assert.ts";
import { NODE_LINK_TRANSITIONS, type NodeLink } from "@drover/shared/domain/node.ts";
import type { Fleet, Instant } from "./fleet.ts";
import type { NodeRecord } from "./records.ts";

/** The only way, besides a hello, to change a node's link state. */
export function moveLink(fleet: Fleet, node: NodeRecord, link: NodeLink, now: Instant): void {
  invariant(NODE_LINK_TRANSITIONS[node.link].includes(link), `node ${node.id} cannot go from ${node.link} to ${link}`);
  const goneSinceMs = link === "online" ? null : node.goneSinceMs;
  fleet.nodes.put(node.id, { ...node, link, linkSinceMs: now.wallMs, goneSinceMs });
}
