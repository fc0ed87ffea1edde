import { z } from "zod";
import { Hardware, NodeAdmin, NodeLink, NodeLoad } from "../domain/node.ts";
import { Allocation, ResourceCapacity } from "../domain/resources.ts";

export const Node = z
  .object({
    id: z.string(),
    name: z.string(),
    /** `null` where its agent names none. */
    site: z.string().nullable(),
    link: z.enum(NodeLink),
    linkSince: z.iso.datetime(),
    /** Since when an operator says that it will not come back. */
    goneSince: z.iso.datetime().nullable(),
    admin: z.enum(NodeAdmin),
    agentVersion: z.string(),
    bootId: z.string(),
    machineId: z.string().nullable(),
    capacity: ResourceCapacity,
    /** What attempts hold of the capacity. */
    allocated: Allocation,
    attemptCount: z.int(),
    hardware: Hardware,
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
