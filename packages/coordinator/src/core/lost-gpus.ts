import type { AttemptOutcome } from "@drover/shared/domain/attempt.ts";
import { gpuOf } from "@drover/shared/domain/gpu.ts";
import type { HealthCode } from "@drover/shared/domain/health.ts";
import type { NodeRecord } from "./records.ts";

/**
 * After these nothing runs on a GPU any more. With others (a driver that was upgraded, a tool that hangs and so says
 * nothing of any GPU) what runs may go on, and is let.
 */
const LOST: ReadonlySet<string> = new Set<HealthCode>(["gpuLost", "gpuUnreachable", "gpuRequiresReset", "xidReboot"]);
/** NVIDIA's ids. Of other vendors' GPUs nobody says whether their tool had answered when one was not listed. */
const NVIDIA_ID = /^(GPU|MIG)-[0-9a-f]{8}-/i;

/** Of an attempt that held these GPUs and was stopped because some of them are lost. */
export function gpuLostOutcome(node: NodeRecord | undefined, gpuIds: readonly string[]): AttemptOutcome {
  const lost = gpuIds.flatMap((id) => {
    const evidence = node && evidenceOfLoss(node, id);
    return evidence ? [{ id, evidence }] : [];
  });
  // It may be there again by now, though not for who had been on it.
  if (lost.length === 0) return { type: "gpuLost", gpuIds: [...gpuIds], evidence: "it was lost for a while" };
  const evidence = [...new Set(lost.map((one) => one.evidence))].join("; ");
  return { type: "gpuLost", gpuIds: lost.map(({ id }) => id), evidence };
}

/** `null` of a GPU that is there, whatever else may be wrong with it. */
export function evidenceOfLoss({ hardware, health }: NodeRecord, gpuId: string): string | null {
  const gpu = gpuOf(hardware.gpus, gpuId);
  const reasons = health.gpus.find((one) => one.gpuId === gpu?.id)?.reasons ?? [];
  const lost = reasons.find(({ code }) => LOST.has(code));
  if (lost !== undefined) return `${lost.code} (${lost.evidence})`;
  // Only a full probe whose driver answered says that a GPU is not there.
  const isSure = hardware.software !== null && !hardware.gpuFaults.some((fault) => fault.gpuId === null);
  return gpu === undefined && isSure && NVIDIA_ID.test(gpuId) ? "gpuMissing (the node no longer shows it)" : null;
}
