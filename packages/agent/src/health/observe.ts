import type { GpuDevice, GpuFault } from "@drover/shared/domain/gpu.ts";
import type { GpuLoad, GpuProcess } from "@drover/shared/domain/gpu-load.ts";
import { isHealthCode, type HealthCode } from "@drover/shared/domain/health.ts";
import type { Hardware, NodeLoad } from "@drover/shared/domain/node.ts";
import { BYTES_PER_GIB, BYTES_PER_MIB, formatBytes } from "@drover/shared/units.ts";
import type { Observation } from "./judge.ts";

/** What is done about a process on a GPU that is not ours. */
export const ForeignGpuUse = {
  /** Nothing new is given to the GPU. */
  leaveOut: "leave-out",
  /** It is said, and the GPU is given away all the same. */
  share: "share",
  ignore: "ignore",
} as const;
export type ForeignGpuUse = (typeof ForeignGpuUse)[keyof typeof ForeignGpuUse];

/** What nvidia-smi says at the moment, judged field by field. */
export interface LiveGpus {
  /** Long enough that every GPU must have been heard. */
  hasSettled: boolean;
  isHanging: boolean;
  heardGpuIds: readonly string[];
  faults: readonly GpuFault[];
}

export interface DataDisk {
  sizeBytes: number;
  freeBytes: number;
  isReadOnly: boolean;
}

/** Everything that health is judged by, in one round. */
export interface HealthFacts {
  hardware: Hardware;
  load: NodeLoad;
  /** `null`: no GPU is watched. */
  liveGpus: LiveGpus | null;
  /** Of the kernel's log, still of importance. */
  xidFaults: readonly GpuFault[];
  dataDisk: DataDisk;
  clockOffsetMs: number | null;
  foreignGpuUse: ForeignGpuUse;
}

/** A driver in this state answers for no GPU. */
export const WHOLE_DRIVER: ReadonlySet<string> = new Set([
  "driverNotLoaded",
  "driverMismatch",
  "nvmlUnknownError",
  "toolHangs",
]);
/** A desktop or a monitor holds a little everywhere; a job does not fail by it. */
const FOREIGN_MEMORY_BYTES = 64 * BYTES_PER_MIB;
const FULL_BYTES = 100 * BYTES_PER_MIB;
const FILLING_BYTES = BYTES_PER_GIB;
const FILLING_RATIO = 0.02;
const MEMORY_PRESSURE_PERCENT = 20;
const CLOCK_SKEW_MS = 5_000;

/** All that is wrong right now. Partial failure stays partial: each GPU is judged by what concerns it. */
export function observeHealth(facts: HealthFacts): Observation[] {
  const { hardware, load, liveGpus, xidFaults } = facts;
  const nvidiaGpus = hardware.gpus.filter(({ vendor }) => vendor === "nvidia");
  const heard = new Set(liveGpus?.heardGpuIds);
  // What the probe saw is older than what is heard now.
  const probed = hardware.gpuFaults.filter(({ gpuId }) => gpuId === null || !heard.has(gpuId));
  const faults = [...probed, ...(liveGpus?.faults ?? []), ...xidFaults];
  return [
    ...faults.map((fault) => ofFault(fault, hardware.gpus)).filter((observation) => observation !== null),
    ...driverTroubles(facts, nvidiaGpus),
    ...(liveGpus?.hasSettled === true && !liveGpus.isHanging ? silentGpus(nvidiaGpus, heard) : []),
    ...load.gpus.flatMap((gpuLoad) => [...throttling(gpuLoad), ...foreignUse(gpuLoad, facts.foreignGpuUse)]),
    ...diskTroubles(facts.dataDisk),
    ...machineTroubles(load, facts.clockOffsetMs),
  ];
}

function ofFault({ gpuId, pciAddress, code, evidence }: GpuFault, gpus: readonly GpuDevice[]): Observation | null {
  const gpu =
    gpus.find(({ id }) => id === gpuId) ?? gpus.find((one) => pciAddress !== null && one.pciAddress === pciAddress);
  if (gpu !== undefined) return { gpuId: gpu.id, code: isHealthCode(code) ? code : "unknownError", evidence };
  // A driver that finds no device may be right, and a machine without the tool has no GPUs to worry about.
  if (code === "noDevices" || code === "noPermission") return null;
  if (WHOLE_DRIVER.has(code) && isHealthCode(code)) return { gpuId: null, code, evidence };
  return { gpuId: null, code: "gpuFault", evidence };
}

/** While the driver does not answer, nothing that it said of any GPU before can be relied on. */
function driverTroubles({ hardware, liveGpus }: HealthFacts, gpus: readonly GpuDevice[]): Observation[] {
  const fault = hardware.gpuFaults.find(({ gpuId, code }) => gpuId === null && WHOLE_DRIVER.has(code));
  if (liveGpus?.isHanging !== true && (fault === undefined || (liveGpus?.heardGpuIds.length ?? 0) > 0)) return [];
  const evidence = fault?.evidence ?? "nvidia-smi says nothing any more";
  const hanging: Observation[] = liveGpus?.isHanging === true ? [{ gpuId: null, code: "toolHangs", evidence }] : [];
  return [...hanging, ...gpus.map(({ id }): Observation => ({ gpuId: id, code: "driverUnusable", evidence }))];
}

function silentGpus(gpus: readonly GpuDevice[], heard: ReadonlySet<string>): Observation[] {
  return gpus
    .filter(({ id }) => !heard.has(id))
    .map(({ id, index }) => ({ gpuId: id, code: "gpuSilent", evidence: `nvidia-smi no longer names GPU ${index}` }));
}

const HEAT = ["softwareThermal", "hardwareThermal", "hardwareSlowdown"];

function throttling({ id, throttleReasons, temperatureCelsius }: GpuLoad): Observation[] {
  const observations: Observation[] = [];
  const hot = throttleReasons.filter((reason) => HEAT.includes(reason));
  if (hot.length > 0)
    observations.push({
      gpuId: id,
      code: "thermalThrottle",
      evidence: `${hot.join(" ")} at ${temperatureCelsius ?? "?"} °C`,
    });
  if (throttleReasons.includes("powerBrake"))
    observations.push({ gpuId: id, code: "powerBrake", evidence: "powerBrake is active" });
  return observations;
}

function foreignUse({ id, processes }: GpuLoad, policy: ForeignGpuUse): Observation[] {
  if (policy === ForeignGpuUse.ignore) return [];
  const code = policy === ForeignGpuUse.share ? "foreignShare" : "foreignUse";
  const foreign = processes.filter(isForeign);
  const unknown = foreign.some(({ memoryBytes }) => memoryBytes === null);
  const bytes = foreign.reduce((sum, { memoryBytes }) => sum + (memoryBytes ?? 0), 0);
  if (foreign.length === 0 || (!unknown && bytes < FOREIGN_MEMORY_BYTES)) return [];
  const named = foreign.slice(0, 4).map(({ pid, user, command }) => `pid ${pid}, ${user}, ${command ?? "?"}`);
  return [{ gpuId: id, code, evidence: `${named.join("; ")}: ${formatBytes(bytes)}` }];
}

/** In a container the numbers may be the host's and name nothing here: of those nothing can be said. */
function isForeign({ pid, user, attemptId }: GpuProcess): boolean {
  return pid !== null && user !== null && attemptId === null;
}

function diskTroubles({ sizeBytes, freeBytes, isReadOnly }: DataDisk): Observation[] {
  const evidence = `${formatBytes(freeBytes)} free of ${formatBytes(sizeBytes)}`;
  const observe = (code: HealthCode): Observation => ({ gpuId: null, code, evidence });
  const readOnly: Observation[] = isReadOnly
    ? [{ gpuId: null, code: "diskReadOnly", evidence: "mounted read-only" }]
    : [];
  if (freeBytes < FULL_BYTES) return [...readOnly, observe("diskFull")];
  const isFilling = freeBytes < FILLING_BYTES || freeBytes < sizeBytes * FILLING_RATIO;
  return isFilling ? [...readOnly, observe("diskFilling")] : readOnly;
}

function machineTroubles({ pressure }: NodeLoad, clockOffsetMs: number | null): Observation[] {
  const observations: Observation[] = [];
  if (pressure !== null && pressure.memoryPercent >= MEMORY_PRESSURE_PERCENT)
    observations.push({ gpuId: null, code: "memoryPressure", evidence: `memory pressure ${pressure.memoryPercent} %` });
  if (clockOffsetMs !== null && Math.abs(clockOffsetMs) > CLOCK_SKEW_MS) {
    const seconds = (Math.abs(clockOffsetMs) / 1000).toFixed(1);
    const direction = clockOffsetMs > 0 ? "ahead of" : "behind";
    observations.push({ gpuId: null, code: "clockSkew", evidence: `${seconds} s ${direction} the coordinator` });
  }
  return observations;
}
