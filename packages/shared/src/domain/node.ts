import { z } from "zod";
import { Enforcement } from "./enforcement.ts";
import { GpuDevice, GpuFault } from "./gpu.ts";
import { GpuLoad, Pressure, TransferRates } from "./gpu-load.ts";
import { LABEL, LABEL_RULE } from "./label.ts";
import { Platform } from "./platform.ts";
import { Cpu, Disk, Memory, NetworkInterface, Software } from "./machine.ts";

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

/** What a machine is. `null` where the machine does not say; fields with a default are newer than the first release. */
export const Hardware = z
  .object({
    cpu: Cpu,
    /** What the agent may use of it. */
    memoryBytes: z.int().positive(),
    memory: Memory.nullable().default(null),
    disks: z.array(Disk),
    networks: z.array(NetworkInterface).default([]),
    gpus: z.array(GpuDevice),
    /** What is wrong with GPUs, those included that no longer say who they are. */
    gpuFaults: z.array(GpuFault).default([]),
    os: z.string(),
    kernel: z.string(),
    architecture: z.string(),
    software: Software.nullable().default(null),
    /** Where it is, and what that means; `null`: an agent that does not say. */
    platform: Platform.nullable().default(null),
    /** `null`: an agent that does not say. */
    enforcement: Enforcement.nullable().default(null),
    /** Set where a part of the hardware could not be read; the rest is still right. */
    warnings: z.array(z.string()),
  })
  .meta({ id: "Hardware" });
export type Hardware = z.infer<typeof Hardware>;

/** What a machine does right now; comes with every heartbeat. Fields with a default are newer than the first release. */
export const NodeLoad = z
  .object({
    load1: z.number().nonnegative().meta({ description: "Run queue length, mean of the last minute" }),
    memoryAvailableBytes: z.int().nonnegative(),
    dataDiskFreeBytes: z.int().nonnegative(),
    /** Thousandths of a processor that were busy since the last heartbeat. */
    cpuUsedMilli: z.int().nonnegative().nullable().default(null),
    swapUsedBytes: z.int().nonnegative().nullable().default(null),
    /** `null`: this kernel does not measure it. */
    pressure: Pressure.nullable().default(null),
    rates: TransferRates.nullable().default(null),
    gpus: z.array(GpuLoad).default([]),
  })
  .meta({ id: "NodeLoad" });
export type NodeLoad = z.infer<typeof NodeLoad>;
