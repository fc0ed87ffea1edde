import { z } from "zod";

/** What bounds the CPUs that an agent may use. */
export const CpuBound = z.enum(["machine", "cpuset", "cgroup", "RUNPOD_CPU_COUNT"]);
export type CpuBound = z.infer<typeof CpuBound>;

export const NumaNode = z
  .object({ id: z.int().nonnegative(), cpus: z.string(), memoryBytes: z.int().nonnegative().nullable() })
  .meta({ id: "NumaNode" });
export type NumaNode = z.infer<typeof NumaNode>;

/** Fields with a default are newer than the first release. */
export const Cpu = z
  .object({
    model: z.string(),
    cores: z.int().positive().meta({ description: "Logical processors that a process may run on" }),
    physicalCores: z.int().positive().nullable(),
    sockets: z.int().positive().nullable().default(null),
    threads: z.int().positive().nullable().default(null).meta({ description: "Logical processors of the machine" }),
    usableMilli: z
      .int()
      .positive()
      .nullable()
      .default(null)
      .meta({ description: "Thousandths of a processor that the agent may really use" }),
    boundBy: CpuBound.default("machine"),
    numaNodes: z.array(NumaNode).default([]),
  })
  .meta({ id: "Cpu" });
export type Cpu = z.infer<typeof Cpu>;

export const Memory = z
  .object({
    /** Of the machine, also where a container may use less. */
    totalBytes: z.int().positive(),
    swapBytes: z.int().nonnegative(),
    /** Of the cgroup that the agent runs in; `null`: none. */
    limitBytes: z.int().nonnegative().nullable(),
  })
  .meta({ id: "Memory" });
export type Memory = z.infer<typeof Memory>;

export const Disk = z
  .object({
    mount: z.string(),
    fileSystem: z.string(),
    sizeBytes: z.int().nonnegative(),
    freeBytes: z.int().nonnegative(),
    /** The device or the server's path. */
    source: z.string().nullable().default(null),
    isNetwork: z.boolean().default(false),
    isReadOnly: z.boolean().default(false),
    /** The agent's data directory lies on it. */
    holdsDataDir: z.boolean().default(false),
    /** As measured once, with 64 MiB that went to the disk and came from it; `null`: not measured. */
    writeBytesPerSecond: z.int().nonnegative().nullable().default(null),
    readBytesPerSecond: z.int().nonnegative().nullable().default(null),
  })
  .meta({ id: "Disk" });
export type Disk = z.infer<typeof Disk>;

export const NetworkInterface = z
  .object({
    name: z.string(),
    addresses: z.array(z.string()),
    /** Megabits a second; `null` where the link does not say, as in most containers and VMs. */
    speedMbit: z.int().positive().nullable(),
    /** The coordinator is reached from this one, and so, most likely, are peers. */
    isPrimary: z.boolean(),
  })
  .meta({ id: "NetworkInterface" });
export type NetworkInterface = z.infer<typeof NetworkInterface>;

export const ContainerRuntime = z
  .object({
    name: z.enum(["docker", "podman"]),
    version: z.string().nullable(),
    /** It can give NVIDIA's GPUs to a container. */
    hasNvidia: z.boolean(),
  })
  .meta({ id: "ContainerRuntime" });
export type ContainerRuntime = z.infer<typeof ContainerRuntime>;

export const Software = z
  .object({
    containerRuntimes: z.array(ContainerRuntime),
    /** The newest CUDA that the driver can run. */
    driverCudaVersion: z.string().nullable(),
    /** Of the toolkit that is installed. */
    cudaToolkitVersion: z.string().nullable(),
    pythonVersion: z.string().nullable(),
  })
  .meta({ id: "Software" });
export type Software = z.infer<typeof Software>;
