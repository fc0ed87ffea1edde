import { z } from "zod";
import { NodeHealth } from "../domain/health.ts";
import { Hardware, NodeAdmin, NodeLink, NodeLoad } from "../domain/node.ts";
import { GpuShare, ResourceCapacity } from "../domain/resources.ts";
import { Duration, MS_PER_DAY } from "../units.ts";

const MAX_DEADLINE_MS = 3650 * MS_PER_DAY;

export const Node = z
  .object({
    id: z.string(),
    name: z.string(),
    /** `null` where its agent names none. */
    site: z.string().nullable(),
    /** What its invitation gave it. */
    labels: z.record(z.string(), z.string()),
    link: z.enum(NodeLink),
    linkSince: z.iso.datetime(),
    /** Since when an operator says that it will not come back. */
    goneSince: z.iso.datetime().nullable(),
    admin: z.enum(NodeAdmin),
    /** Since when, by whose word and why it is so; `null` where nobody has said anything. */
    adminSince: z.iso.datetime().nullable(),
    adminActor: z.string().nullable(),
    adminReason: z.string().nullable(),
    /** When what still runs on a draining node is stopped. */
    drainDeadline: z.iso.datetime().nullable(),
    agentVersion: z.string(),
    bootId: z.string(),
    machineId: z.string().nullable(),
    capacity: ResourceCapacity,
    /** What attempts hold of the capacity. */
    allocated: z.object({
      cpuMilli: z.int().nonnegative(),
      memoryBytes: z.int().nonnegative(),
      /** Of each GPU of which something is held. */
      gpuShares: z.array(GpuShare),
    }),
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

/** What an operator wants of a node: the whole of it, so that saying it twice is harmless. */
export const NodeAdminRequest = z
  .strictObject({
    admin: z
      .enum(["schedulable", "cordoned", "draining"])
      .meta({ description: "`draining` becomes `drained` by itself; `schedulable` is the way back from all of them" }),
    reason: z.string().min(1).max(500).optional().meta({ description: "Why, for those who meet the node like this" }),
    deadline: Duration.refine((ms) => ms <= MAX_DEADLINE_MS, "a deadline is within 10 years")
      .optional()
      .meta({ description: "How long what runs there may go on; then it is stopped and queued again" }),
  })
  .refine(({ admin, deadline }) => deadline === undefined || admin === "draining", {
    message: "only a drain has a deadline",
    path: ["deadline"],
  })
  .meta({ id: "NodeAdminRequest" });
export type NodeAdminRequest = z.input<typeof NodeAdminRequest>;

export const DiagnoseRequest = z
  .strictObject({
    burn: z
      .boolean()
      .default(false)
      .meta({ description: "Also load each GPU that no attempt holds for ten seconds, by the agent's `--burn-test`" }),
  })
  .meta({ id: "DiagnoseRequest" });
export type DiagnoseRequest = z.input<typeof DiagnoseRequest>;

export const UpgradeRequest = z
  .strictObject({
    version: z
      .string()
      .regex(/^\d+\.\d+\.\d+(-[0-9A-Za-z.]+)?$/, "a version looks like 0.2.0")
      .meta({ description: "One whose archive the coordinator has" }),
  })
  .meta({ id: "UpgradeRequest" });
export type UpgradeRequest = z.input<typeof UpgradeRequest>;

export const NodeList = z.object({ nodes: z.array(Node) }).meta({ id: "NodeList" });
export type NodeList = z.infer<typeof NodeList>;
