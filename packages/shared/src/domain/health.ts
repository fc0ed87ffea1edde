import { z } from "zod";

export const HealthState = z.enum(["healthy", "degraded", "unhealthy"]);
export type HealthState = z.infer<typeof HealthState>;

/**
 * Why a GPU or a node is not healthy. `degraded`: usable, and somebody should know; `unhealthy`: nothing new is given
 * to it. The agent says most of these, the coordinator those that need what a node once was.
 */
export const HEALTH_CODES = {
  gpuLost: {
    of: "gpu",
    state: "unhealthy",
    meaning: "The GPU fell off the bus.",
    advice: "Restart the machine; if it happens again, look at riser, power and slot.",
  },
  gpuUnreachable: {
    of: "gpu",
    state: "unhealthy",
    meaning: "The driver cannot open the GPU.",
    advice: "Reset the GPU or restart the machine.",
  },
  gpuSilent: {
    of: "gpu",
    state: "unhealthy",
    meaning: "The GPU no longer appears in what nvidia-smi says every five seconds.",
    advice: "Look into the kernel's log; reset the GPU or restart the machine.",
  },
  gpuRequiresReset: {
    of: "gpu",
    state: "unhealthy",
    meaning: "The driver says that the GPU must be reset.",
    advice: "`nvidia-smi --gpu-reset -i ID` while nothing uses it.",
  },
  recoveryNeeded: {
    of: "gpu",
    state: "unhealthy",
    meaning: "The driver names an action that recovers the GPU.",
    advice: "Do what it names: a reset, a restart, a drain.",
  },
  xidReset: {
    of: "gpu",
    state: "unhealthy",
    meaning: "An Xid in the kernel's log after which a GPU must be reset.",
    advice: "`nvidia-smi --gpu-reset -i ID` while nothing uses it.",
  },
  xidReboot: {
    of: "gpu",
    state: "unhealthy",
    meaning: "An Xid in the kernel's log after which the machine must be restarted.",
    advice: "Restart the machine.",
  },
  xidHandsOn: {
    of: "gpu",
    state: "unhealthy",
    meaning: "An Xid in the kernel's log that asks for a look at the hardware.",
    advice: "Look at auxiliary power and firmware.",
  },
  xidUnknown: {
    of: "gpu",
    state: "degraded",
    meaning: "An Xid in the kernel's log that NVIDIA's catalogue does not explain.",
    advice: "Ask NVIDIA's support if it happens again.",
  },
  rowRemapFailed: {
    of: "gpu",
    state: "unhealthy",
    meaning: "A broken row of the GPU's memory could not be replaced.",
    advice: "Have the GPU replaced.",
  },
  rowRemapPending: {
    of: "gpu",
    state: "degraded",
    meaning: "A broken row of the GPU's memory is replaced at the next reset.",
    advice: "Reset the GPU when nothing uses it.",
  },
  uncorrectedEcc: {
    of: "gpu",
    state: "degraded",
    meaning: "The GPU's memory had errors that could not be corrected since its last reset.",
    advice: "Watch it; reset the GPU, and have it replaced if they come back.",
  },
  unknownError: {
    of: "gpu",
    state: "degraded",
    meaning: "A sensor of the GPU answers with an error.",
    advice: "Watch it; a driver update may help.",
  },
  infoRomCorrupted: {
    of: "gpu",
    state: "degraded",
    meaning: "The GPU's infoROM is corrupt.",
    advice: "Ask its vendor for a repair of the infoROM.",
  },
  pcieLinkNarrow: {
    of: "gpu",
    state: "degraded",
    meaning: "The GPU's PCIe link has fewer lanes than it could.",
    advice: "Reseat the card or its riser.",
  },
  thermalThrottle: {
    of: "gpu",
    state: "degraded",
    meaning: "Heat has slowed the GPU for five minutes.",
    advice: "Look at fans, dust and inlet temperature.",
  },
  powerBrake: {
    of: "gpu",
    state: "degraded",
    meaning: "The power supply has slowed the GPU for five minutes.",
    advice: "Look at power supplies and cables.",
  },
  foreignUse: {
    of: "gpu",
    state: "unhealthy",
    meaning: "A process that is not Drover's holds memory of the GPU.",
    advice: "End it, or start the agent with --foreign-gpu-use share.",
  },
  foreignShare: {
    of: "gpu",
    state: "degraded",
    meaning: "A process that is not Drover's holds memory of the GPU, which is shared with it as the agent was told.",
    advice: "End it where its memory is needed.",
  },
  quarantined: {
    of: "gpu",
    state: "unhealthy",
    meaning: "An attempt has ended, and memory of its GPU was not given back within half a minute.",
    advice:
      "End the processes that hold it: the GPU returns when its memory is free; or give it back as it is: `drover gpu release NODE GPU`.",
  },
  driverUnusable: {
    of: "gpu",
    state: "unhealthy",
    meaning: "The driver does not answer for any GPU of the node.",
    advice: "See the node's own reason.",
  },
  recovering: {
    of: "gpu",
    state: "unhealthy",
    meaning: "What was wrong is over; the GPU is returned when it has been well for a while, which doubles each time.",
    advice: "Wait.",
  },
  driverNotLoaded: {
    of: "node",
    state: "degraded",
    meaning: "There is nvidia-smi, but its driver is not loaded.",
    advice: "Load or install the driver; it is noticed without a restart of the agent.",
  },
  driverMismatch: {
    of: "node",
    state: "degraded",
    meaning: "The driver was upgraded under a kernel module that is still loaded.",
    advice: "Restart the machine, or reload the module.",
  },
  nvmlUnknownError: {
    of: "node",
    state: "degraded",
    meaning: "A container has lost its access to the GPUs, as after `systemctl daemon-reload` on its host.",
    advice: "Restart the container.",
  },
  toolHangs: {
    of: "node",
    state: "degraded",
    meaning: "nvidia-smi does not answer; the driver may hang.",
    advice: "Look into the kernel's log; restart the machine.",
  },
  gpuFault: {
    of: "node",
    state: "degraded",
    meaning: "A tool complains of a GPU that does not even say who it is.",
    advice: "Look at the evidence, and into the kernel's log.",
  },
  gpuMissing: {
    of: "node",
    state: "degraded",
    meaning: "A GPU that the node once had is no longer there.",
    advice: "Find it, or accept what there is: `drover node accept-hardware NODE`.",
  },
  diskMissing: {
    of: "node",
    state: "degraded",
    meaning: "A disk that the node once had is no longer mounted.",
    advice: "Mount it, or accept what there is: `drover node accept-hardware NODE`.",
  },
  memoryMissing: {
    of: "node",
    state: "degraded",
    meaning: "The node has less memory than it once had.",
    advice: "Look for a failed module, or accept what there is: `drover node accept-hardware NODE`.",
  },
  diskFilling: {
    of: "node",
    state: "degraded",
    meaning: "Less than a fiftieth of the disk with the agent's data is free, or less than a gibibyte.",
    advice: "Make room.",
  },
  diskFull: {
    of: "node",
    state: "unhealthy",
    meaning: "The disk with the agent's data is as good as full.",
    advice: "Make room.",
  },
  diskReadOnly: {
    of: "node",
    state: "unhealthy",
    meaning: "The disk with the agent's data can no longer be written.",
    advice: "Look into the kernel's log; check and remount it.",
  },
  memoryPressure: {
    of: "node",
    state: "degraded",
    meaning: "For a minute processes have waited for memory a fifth of the time.",
    advice: "Give jobs more memory, or the node fewer jobs.",
  },
  clockSkew: {
    of: "node",
    state: "degraded",
    meaning: "The node's clock differs from the coordinator's by more than five seconds.",
    advice: "Start a time service such as chrony.",
  },
} as const satisfies Record<
  string,
  { of: "gpu" | "node"; state: "degraded" | "unhealthy"; meaning: string; advice: string }
>;
export type HealthCode = keyof typeof HEALTH_CODES;

export function isHealthCode(code: string): code is HealthCode {
  return Object.hasOwn(HEALTH_CODES, code);
}

export const HealthReason = z
  .object({
    /** Of HEALTH_CODES; a newer agent may say one that this version does not know. */
    code: z.string(),
    state: z.enum(["degraded", "unhealthy"]),
    /** What a tool or the kernel said. */
    evidence: z.string(),
    sinceMs: z.int().nonnegative(),
  })
  .meta({ id: "HealthReason" });
export type HealthReason = z.infer<typeof HealthReason>;

export const GpuHealth = z
  .object({ gpuId: z.string(), state: HealthState, reasons: z.array(HealthReason) })
  .meta({ id: "GpuHealth" });
export type GpuHealth = z.infer<typeof GpuHealth>;

export const NodeHealth = z
  .object({
    /** Of the node itself: `unhealthy` takes it out whole. */
    state: HealthState,
    reasons: z.array(HealthReason),
    /** Only those that are not healthy. */
    gpus: z.array(GpuHealth),
  })
  .meta({ id: "NodeHealth" });
export type NodeHealth = z.infer<typeof NodeHealth>;

export const HEALTHY: NodeHealth = { state: "healthy", reasons: [], gpus: [] };

/** The worst of them. */
export function stateOfReasons(reasons: readonly HealthReason[]): HealthState {
  if (reasons.some(({ state }) => state === "unhealthy")) return "unhealthy";
  return reasons.length > 0 ? "degraded" : "healthy";
}
