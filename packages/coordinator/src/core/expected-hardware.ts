import type { GpuDevice } from "@drover/shared/domain/gpu.ts";
import {
  HEALTH_CODES,
  stateOfReasons,
  type HealthCode,
  type HealthReason,
  type NodeHealth,
} from "@drover/shared/domain/health.ts";
import type { Hardware } from "@drover/shared/domain/node.ts";
import { formatBytes } from "@drover/shared/units.ts";

/** What a node once had, and is expected to have: it grows by itself, and shrinks only when somebody says so. */
export interface ExpectedHardware {
  readonly gpus: readonly { readonly id: string; readonly model: string }[];
  readonly diskMounts: readonly string[];
  readonly memoryBytes: number;
}

/** The kernel keeps a little more or less for itself from start to start. */
const MEMORY_TOLERANCE = 0.95;
const MISSING_CODES: ReadonlySet<string> = new Set<HealthCode>(["gpuMissing", "diskMissing", "memoryMissing"]);

/** Exactly what is there now. */
export function expectationOf(hardware: Hardware): ExpectedHardware {
  return {
    gpus: hardware.gpus.map(({ id, model, modelName }) => ({ id, model: modelName ?? model })),
    diskMounts: hardware.disks.map(({ mount }) => mount),
    memoryBytes: hardware.memoryBytes,
  };
}

/** What was expected before, and what there is now besides. */
export function grownBy(expected: ExpectedHardware, hardware: Hardware): ExpectedHardware {
  const now = expectationOf(hardware);
  const newGpus = now.gpus.filter(({ id }) => !expected.gpus.some((gpu) => gpu.id === id));
  const newMounts = now.diskMounts.filter((mount) => !expected.diskMounts.includes(mount));
  if (newGpus.length === 0 && newMounts.length === 0 && now.memoryBytes <= expected.memoryBytes) return expected;
  return {
    gpus: [...expected.gpus, ...newGpus],
    diskMounts: [...expected.diskMounts, ...newMounts],
    memoryBytes: Math.max(expected.memoryBytes, now.memoryBytes),
  };
}

export function missingGpus(expected: ExpectedHardware, gpus: readonly GpuDevice[]): ExpectedHardware["gpus"] {
  return expected.gpus.filter(({ id }) => !gpus.some((gpu) => gpu.id === id));
}

/** What the node says of its health, and what of its hardware is gone. `before`: reasons keep the time they began. */
export function withMissing(
  reported: NodeHealth,
  expected: ExpectedHardware,
  hardware: Hardware,
  before: NodeHealth | null,
  nowMs: number,
): NodeHealth {
  const missing: { code: HealthCode; evidence: string }[] = [];
  const gpus = missingGpus(expected, hardware.gpus);
  if (gpus.length > 0)
    missing.push({ code: "gpuMissing", evidence: gpus.map(({ id, model }) => `${model} ${id}`).join(", ") });
  // Only a full probe looks at disks; one that failed knows nothing of them.
  const mounts = new Set(hardware.disks.map(({ mount }) => mount));
  const goneMounts = hardware.software === null ? [] : expected.diskMounts.filter((mount) => !mounts.has(mount));
  if (goneMounts.length > 0) missing.push({ code: "diskMissing", evidence: goneMounts.join(", ") });
  if (hardware.memoryBytes < expected.memoryBytes * MEMORY_TOLERANCE)
    missing.push({
      code: "memoryMissing",
      evidence: `${formatBytes(hardware.memoryBytes)} of ${formatBytes(expected.memoryBytes)}`,
    });
  const added = missing.map(({ code, evidence }): HealthReason => {
    const sinceMs = before?.reasons.find((reason) => reason.code === code)?.sinceMs ?? nowMs;
    return { code, state: HEALTH_CODES[code].state, evidence, sinceMs };
  });
  const reasons = [...reported.reasons.filter(({ code }) => !MISSING_CODES.has(code)), ...added];
  return { ...reported, reasons, state: stateOfReasons(reasons) };
}
