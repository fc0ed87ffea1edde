import { z } from "zod";
import { NodeHealth } from "../domain/health.ts";
import { Hardware, NodeAdmin, NodeLink, NodeLoad } from "../domain/node.ts";
import { Allocation, ResourceCapacity } from "../domain/resources.ts";

export const Node = z
  .object({
    id: z.string(),
    name: z.string(),
    link: z.enum(NodeLink),
    linkSince: z.iso.datetime(),
    admin: z.enum(NodeAdmin),
    agentVersion: z.string(),
    bootId: z.string(),
    capacity: ResourceCapacity,
    /** What attempts hold of the capacity. */
    allocated: Allocation,
    attemptCount: z.int(),
    hardware: Hardware,
    /** What makes it, or a GPU of it, degraded or unhealthy; what is unhealthy is given nothing new. */
    health: NodeHealth,
    /** GPUs that it once had and no longer shows. */
    missingGpus: z.array(z.object({ id: z.string(), model: z.string() })),
    /** Of the last heartbeat; `null` before the first since the coordinator started. */
    load: NodeLoad.nullable(),
    lastHeardAt: z.iso.datetime().nullable(),
    joinedAt: z.iso.datetime(),
  })
  .meta({ id: "Node" });
export type Node = z.infer<typeof Node>;

export const NodeDetail = Node.extend({
  /** Ids of the attempts that hold something on this node. */
  attempts: z.array(z.string()),
}).meta({ id: "NodeDetail" });
export type NodeDetail = z.infer<typeof NodeDetail>;

export const NodeList = z.object({ nodes: z.array(Node) }).meta({ id: "NodeList" });
export type NodeList = z.infer<typeof NodeList>;
