import type { HeldDesire } from "@drover/shared/protocol/messages.ts";
import type { Effects } from "./effects.ts";
import { attemptFields } from "./end-attempt.ts";
import type { Fleet } from "./fleet.ts";
import type { AttemptRecord, StopCause } from "./records.ts";

/** Tells the attempt to stop; it ends when nothing of it is left. The first cause stays. */
export function stopAttempt(fleet: Fleet, attempt: AttemptRecord, cause: StopCause, effects: Effects): void {
  if (attempt.stopCause !== null || attempt.state === "ended") return;
  const state = attempt.state === "releasing" ? attempt.state : "stopping";
  fleet.attempts.put(attempt.id, { ...attempt, state, stopCause: cause });
  effects.tell({ event: "attempt.stopping", ...attemptFields(fleet, attempt), cause });
  effects.desire(attempt.nodeId, { desired: "stop", attemptId: attempt.id, cause: wordFor(cause) });
}

/** Agents know of users and of schedulers; what else there is to know is the coordinator's. */
export function wordFor(cause: StopCause): Extract<HeldDesire, { desired: "stop" }>["cause"] {
  return cause === "canceled" ? cause : "preempted";
}
