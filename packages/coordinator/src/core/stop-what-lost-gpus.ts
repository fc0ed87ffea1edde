import type { Effects } from "./effects.ts";
import type { Fleet } from "./fleet.ts";
import { evidenceOfLoss } from "./lost-gpus.ts";
import type { NodeRecord } from "./records.ts";
import { stopAttempt } from "./stop-attempt.ts";

/** Some programs end when their GPU is gone, many wait for it for ever: they are stopped, and run elsewhere. */
export function stopWhatLostGpus(fleet: Fleet, node: NodeRecord, effects: Effects): void {
  for (const attempt of fleet.attemptsOn(node.id)) {
    if (attempt.stopCause === null && attempt.allocation.gpuIds.some((id) => evidenceOfLoss(node, id) !== null))
      stopAttempt(fleet, attempt, "gpuLost", effects);
  }
}
