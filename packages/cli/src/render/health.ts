import type { NodeDetail } from "@drover/shared/api/nodes.ts";
import { HEALTH_CODES, isHealthCode, type HealthReason, type NodeHealth } from "@drover/shared/domain/health.ts";
import { formatDuration } from "@drover/shared/units.ts";

/** In one cell: `healthy`, `degraded`, `2 GPUs unhealthy`. */
export function summarizeHealth({ state, gpus }: NodeHealth): string {
  if (state === "unhealthy") return "unhealthy";
  const out = gpus.filter((gpu) => gpu.state === "unhealthy").length;
  if (out > 0) return `${out} ${out === 1 ? "GPU" : "GPUs"} unhealthy`;
  return gpus.length > 0 ? "degraded" : state;
}

/** Each reason with since when, what was seen and what to do; a single line where nothing is wrong. */
export function healthFields({ health, hardware }: NodeDetail, nowMs: number): (readonly [string, string])[] {
  const lines = [
    ...health.reasons.map((reason) => describeReason(reason, nowMs)),
    ...health.gpus.flatMap(({ gpuId, reasons }) => {
      const gpu = hardware.gpus.find(({ id }) => id === gpuId);
      return reasons.map((reason) => `gpu ${gpu?.index ?? gpuId} ${describeReason(reason, nowMs)}`);
    }),
  ];
  return lines.length === 0 ? [["health", "healthy"]] : lines.map((line) => ["health", line] as const);
}

function describeReason({ code, state, evidence, sinceMs }: HealthReason, nowMs: number): string {
  const advice = isHealthCode(code) ? ` ${HEALTH_CODES[code].advice}` : "";
  return `${state}: ${code} for ${formatDuration(Math.max(0, nowMs - sinceMs))} (${evidence}).${advice}`;
}
