import { z } from "zod";

/** A process that holds memory of a GPU. */
export const GpuProcess = z
  .object({
    /** `null` where the driver may not say; in a container it may be a number that means nothing here. */
    pid: z.int().nonnegative().nullable(),
    memoryBytes: z.int().nonnegative().nullable(),
    command: z.string().nullable(),
    user: z.string().nullable(),
    /** Whose it is, where it is one of ours. */
    attemptId: z.string().nullable(),
    /** The instance of a split GPU. */
    migInstanceId: z.string().nullable(),
  })
  .meta({ id: "GpuProcess" });
export type GpuProcess = z.infer<typeof GpuProcess>;

/** What a GPU does right now; `null` where its tools do not say, or no longer. */
export const GpuLoad = z
  .object({
    id: z.string(),
    utilizationPercent: z.int().min(0).max(100).nullable(),
    memoryUsedBytes: z.int().nonnegative().nullable(),
    temperatureCelsius: z.int().nonnegative().nullable(),
    powerWatts: z.number().nonnegative().nullable(),
    smClockMhz: z.int().nonnegative().nullable(),
    /** Why it runs more slowly than it could, such as `hardwareThermal`; empty where it does not. */
    throttleReasons: z.array(z.string()),
    migInstances: z.array(z.object({ id: z.string(), memoryUsedBytes: z.int().nonnegative().nullable() })),
    processes: z.array(GpuProcess),
  })
  .meta({ id: "GpuLoad" });
export type GpuLoad = z.infer<typeof GpuLoad>;

/** How much of the last ten seconds somebody waited for it, in percent: the kernel's pressure stall information. */
export const Pressure = z
  .object({ cpuPercent: z.number(), memoryPercent: z.number(), ioPercent: z.number() })
  .meta({ id: "Pressure" });
export type Pressure = z.infer<typeof Pressure>;

/** Bytes a second since the last heartbeat. */
export const TransferRates = z
  .object({
    diskReadBytesPerSecond: z.int().nonnegative(),
    diskWriteBytesPerSecond: z.int().nonnegative(),
    networkReceiveBytesPerSecond: z.int().nonnegative(),
    networkSendBytesPerSecond: z.int().nonnegative(),
  })
  .meta({ id: "TransferRates" });
export type TransferRates = z.infer<typeof TransferRates>;
