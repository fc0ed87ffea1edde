import { Demand } from "@drover/coordinator/core/scheduler/demand.ts";
import { WHOLE_GPU_MILLI } from "@drover/shared/domain/resources.ts";
import { arrivalsOf } from "./arrivals.ts";
import { CoreFleet } from "./core-fleet.ts";
import type { TraceNode, TraceTask } from "./trace.ts";

export interface Packing {
  /** Of the fleet's GPUs, in percent, when requests for 100 % and for 130 % of them had arrived. */
  allocatedAt100: number;
  allocatedAt130: number;
  decisionMs: number[];
}

export interface PackingOptions {
  seed: number;
  /** Else the scheduler learns the mix from what has arrived so far, and from nothing else. */
  knowsMix: boolean;
}

/** Tasks arrive one by one, and none ever ends; one that fits nowhere is dropped. */
export function pack(nodes: readonly TraceNode[], tasks: readonly TraceTask[], options: PackingOptions): Packing {
  const core = new CoreFleet(nodes);
  const capacityMilli = nodes.reduce((sum, { gpuCount }) => sum + gpuCount * WHOLE_GPU_MILLI, 0);
  if (options.knowsMix) for (const { spec } of tasks) core.fleet.requestMix.learn(new Demand(spec.resources));
  const decisionMs: number[] = [];
  let arrivedMilli = 0;
  let allocatedMilli = 0;
  let allocatedAt100: number | null = null;
  for (const { spec, gpuMilli } of arrivalsOf(tasks, capacityMilli, options.seed)) {
    decisionMs.push(core.turn(core.submission(spec)).wallMs);
    arrivedMilli += gpuMilli;
    if (core.fleet.queue.waitingCount === 0) allocatedMilli += gpuMilli;
    else core.cancel(core.lastJobId);
    if (arrivedMilli >= capacityMilli) allocatedAt100 ??= (100 * allocatedMilli) / capacityMilli;
  }
  const allocatedAt130 = (100 * allocatedMilli) / capacityMilli;
  return { allocatedAt100: allocatedAt100 ?? allocatedAt130, allocatedAt130, decisionMs };
}
