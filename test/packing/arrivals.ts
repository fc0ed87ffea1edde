import { Random } from "../simulation/world/random.ts";
import type { TraceTask } from "./trace.ts";

/** How much is asked for in all, as a share of the fleet's GPUs. */
export const ARRIVING_SHARE = 1.3;

/**
 * The protocol of the published figures: the tasks in random order, then more of them, drawn with replacement, until
 * what they ask for reaches 130 % of the fleet's GPUs; where the list alone is more than that, its end is left out.
 */
export function arrivalsOf(tasks: readonly TraceTask[], capacityMilli: number, seed: number): TraceTask[] {
  const random = new Random(seed);
  const arrivals = [...tasks];
  for (let last = arrivals.length - 1; last > 0; last--) {
    const other = random.below(last + 1);
    [arrivals[last], arrivals[other]] = [arrivals[other] as TraceTask, arrivals[last] as TraceTask];
  }
  const wantedMilli = capacityMilli * ARRIVING_SHARE;
  let arrivedMilli = arrivals.reduce((sum, { gpuMilli }) => sum + gpuMilli, 0);
  while (arrivedMilli > wantedMilli) arrivedMilli -= arrivals.pop()?.gpuMilli ?? 0;
  while (arrivedMilli < wantedMilli) {
    const task = random.pick(tasks);
    arrivals.push(task);
    arrivedMilli += task.gpuMilli;
  }
  return arrivals;
}
