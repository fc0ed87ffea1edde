import { stateOfReasons, type HealthCode, type NodeHealth } from "@drover/shared/domain/health.ts";
import type { ReleasedGpu } from "./records.ts";

const QUARANTINED: HealthCode = "quarantined";

/** What a node says, but for what an operator has decided on. */
export function withoutReleased(health: NodeHealth, released: readonly ReleasedGpu[]): NodeHealth {
  if (released.length === 0) return health;
  const gpus = health.gpus.map((gpu) => {
    const reasons = gpu.reasons.filter(
      ({ code, sinceMs }) => code !== QUARANTINED || !isAmong(released, { gpuId: gpu.gpuId, sinceMs }),
    );
    return { ...gpu, reasons, state: stateOfReasons(reasons) };
  });
  return { ...health, gpus: gpus.filter(({ reasons }) => reasons.length > 0) };
}

/** Those of which the node still says that they are there: of others there is nothing to remember. */
export function stillReleased(said: NodeHealth, released: readonly ReleasedGpu[]): readonly ReleasedGpu[] {
  const quarantines = quarantinesOf(said);
  return released.filter((one) => isAmong(quarantines, one));
}

export function quarantinesOf({ gpus }: NodeHealth): ReleasedGpu[] {
  return gpus.flatMap(({ gpuId, reasons }) =>
    reasons.filter(({ code }) => code === QUARANTINED).map(({ sinceMs }) => ({ gpuId, sinceMs })),
  );
}

function isAmong(released: readonly ReleasedGpu[], { gpuId, sinceMs }: ReleasedGpu): boolean {
  return released.some((one) => one.gpuId === gpuId && one.sinceMs === sinceMs);
}
