import type { Effects } from "./effects.ts";
import { attemptFields } from "./end-attempt.ts";
import type { Fleet } from "./fleet.ts";
import type { AttemptRecord } from "./records.ts";

/** Tells the attempt to stop; it ends when nothing of it is left. The first cause stays. */
export function stopAttempt(
  fleet: Fleet,
  attempt: AttemptRecord,
  cause: NonNullable<AttemptRecord["stopCause"]>,
  effects: Effects,
): void {
  if (attempt.stopCause !== null || attempt.state === "ended") return;
  const state = attempt.state === "releasing" ? attempt.state : "stopping";
  fleet.attempts.put(attempt.id, { ...attempt, state, stopCause: cause });
  effects.tell({ event: "attempt.stopping", ...attemptFields(fleet, attempt), cause });
  effects.desire(attempt.nodeId, { desired: "stop", attemptId: attempt.id, cause });
}
