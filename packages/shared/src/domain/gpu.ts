import { z } from "zod";

export const GpuVendor = z.enum(["nvidia", "amd", "intel"]);
export type GpuVendor = z.infer<typeof GpuVendor>;

/** A part of a GPU that is a GPU of its own to a process. */
export const MigInstance = z
  .object({
    /** `MIG-…`: what a process is given. */
    id: z.string(),
    /** Such as `3g.40gb`. */
    profile: z.string(),
    gpuInstance: z.int().nonnegative().nullable(),
    computeInstance: z.int().nonnegative().nullable(),
    memoryBytes: z.int().nonnegative().nullable(),
  })
  .meta({ id: "MigInstance" });
export type MigInstance = z.infer<typeof MigInstance>;

/** What does not change while the machine runs. `null` where its tools do not say; fields with a default are newer. */
export const GpuDevice = z
  .object({
    /** Stable over reboots: the vendor's UUID, or the PCI address where there is none. */
    id: z.string(),
    /** The index the vendor's tool shows; may change with a reboot. */
    index: z.int().nonnegative(),
    vendor: GpuVendor.default("nvidia"),
    /** As its vendor writes it: `NVIDIA A100-SXM4-80GB`. */
    model: z.string(),
    /** As people ask for it: `A100-80GB`. */
    modelName: z.string().nullable().default(null),
    memoryBytes: z.int().nonnegative().nullable(),
    driverVersion: z.string().nullable(),
    computeCapability: z.string().nullable().default(null),
    /** `0000:83:00`: domain, bus, device. */
    pciAddress: z.string().nullable().default(null),
    numaNode: z.int().nonnegative().nullable().default(null),
    /** The CPUs near it, such as `0-19,80-99`. */
    cpuAffinity: z.string().nullable().default(null),
    isEccEnabled: z.boolean().nullable().default(null),
    powerLimitWatts: z.number().nonnegative().nullable().default(null),
    pcieGenerationMax: z.int().nonnegative().nullable().default(null),
    pcieWidthMax: z.int().nonnegative().nullable().default(null),
    /** `null`: this model cannot be split. */
    isMigEnabled: z.boolean().nullable().default(null),
    /** Where it is split, these are what can be given away, and not the GPU. */
    migInstances: z.array(MigInstance).default([]),
    /** To other GPUs, by id: `NV12` (that many NVLinks), `PIX`, `PXB`, `PHB`, `NODE`, `SYS`; nearest first. */
    links: z.record(z.string(), z.string()).default({}),
    /** To network cards, by name. */
    nicLinks: z.record(z.string(), z.string()).default({}),
    activeNvlinks: z.int().nonnegative().nullable().default(null),
  })
  .meta({ id: "GpuDevice" });
export type GpuDevice = z.infer<typeof GpuDevice>;

/** Something about a GPU, or about all GPUs, that a vendor's tool complained of. */
export const GpuFault = z
  .object({
    /** `null`: it concerns every GPU of this vendor, or one that does not even say its id. */
    gpuId: z.string().nullable(),
    pciAddress: z.string().nullable(),
    /** Such as `gpuLost`, `driverMismatch`, `toolHangs`. */
    code: z.string(),
    /** The tool's own words. */
    evidence: z.string(),
  })
  .meta({ id: "GpuFault" });
export type GpuFault = z.infer<typeof GpuFault>;

/** The GPU that has this id, or an instance with it. */
export function gpuOf(gpus: readonly GpuDevice[], id: string): GpuDevice | undefined {
  return gpus.find((gpu) => gpu.id === id || gpu.migInstances.some((instance) => instance.id === id));
}

/** What can be given to an attempt: each whole GPU, or the instances of one that is split. */
export function allocatableGpuIds(gpus: readonly GpuDevice[]): string[] {
  return gpus.flatMap((gpu) => (gpu.isMigEnabled === true ? gpu.migInstances.map(({ id }) => id) : [gpu.id]));
}
