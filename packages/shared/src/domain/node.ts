import { z } from "zod";
import { LABEL, LABEL_RULE } from "./label.ts";

export const NodeLink = {
  /** Connected and heard from lately. */
  online: "online",
  /** Connected, but heartbeats are overdue. */
  suspect: "suspect",
  /** Not connected; its lease still runs, so its attempts may be alive. */
  disconnected: "disconnected",
  /** Its lease and the time to stop everything have passed. */
  lost: "lost",
} as const;
export type NodeLink = (typeof NodeLink)[keyof typeof NodeLink];

/** There is always a way back to `online`: a hello, then reconciliation. */
export const NODE_LINK_TRANSITIONS: Readonly<Record<NodeLink, readonly NodeLink[]>> = {
  online: ["suspect", "disconnected"],
  suspect: ["online", "disconnected"],
  disconnected: ["online", "lost"],
  lost: ["online"],
};

/** What operators want of a node, whatever its link is. */
export const NodeAdmin = {
  schedulable: "schedulable",
  /** It gets nothing new; what runs there goes on. */
  cordoned: "cordoned",
  /** It gets nothing new, and is drained when what runs there has ended; at the deadline, if it has one, that is stopped. */
  draining: "draining",
  /** Nothing is left on it, and its agent says so too. */
  drained: "drained",
} as const;
export type NodeAdmin = (typeof NodeAdmin)[keyof typeof NodeAdmin];

/** There is always a way back to `schedulable`: uncordon. */
export const NODE_ADMIN_TRANSITIONS: Readonly<Record<NodeAdmin, readonly NodeAdmin[]>> = {
  schedulable: ["cordoned", "draining"],
  cordoned: ["schedulable", "draining"],
  draining: ["schedulable", "cordoned", "drained"],
  drained: ["schedulable", "cordoned"],
};

/** Nodes that reach each other cheaply share one: a LAN, one data centre. Those that name none are one site too. */
export const Site = z.string().regex(LABEL, `a site's name is ${LABEL_RULE}`);

export const GpuDevice = z
  .object({
    /** Stable over reboots: the vendor's UUID. */
    id: z.string(),
    /** The index the vendor's tool shows; may change with a reboot. */
    index: z.int().nonnegative(),
    model: z.string(),
    memoryBytes: z.int().nonnegative().nullable(),
    driverVersion: z.string().nullable(),
  })
  .meta({ id: "GpuDevice" });
export type GpuDevice = z.infer<typeof GpuDevice>;

/** What a machine is; read once when its agent starts. `null` where the machine does not say. */
export const Hardware = z
  .object({
    cpu: z.object({
      model: z.string(),
      cores: z.int().positive().meta({ description: "Logical processors that a process may run on" }),
      physicalCores: z.int().positive().nullable(),
    }),
    memoryBytes: z.int().positive(),
    disks: z.array(
      z.object({
        mount: z.string(),
        fileSystem: z.string(),
        sizeBytes: z.int().nonnegative(),
        freeBytes: z.int().nonnegative(),
      }),
    ),
    gpus: z.array(GpuDevice),
    os: z.string(),
    kernel: z.string(),
    architecture: z.string(),
    /** Set where a part of the hardware could not be read; the rest is still right. */
    warnings: z.array(z.string()),
  })
  .meta({ id: "Hardware" });
export type Hardware = z.infer<typeof Hardware>;

/** What a machine does right now; comes with every heartbeat. */
export const NodeLoad = z
  .object({
    load1: z.number().nonnegative().meta({ description: "Run queue length, mean of the last minute" }),
    memoryAvailableBytes: z.int().nonnegative(),
    dataDiskFreeBytes: z.int().nonnegative(),
  })
  .meta({ id: "NodeLoad" });
export type NodeLoad = z.infer<typeof NodeLoad>;
