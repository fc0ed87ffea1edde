import type { Effects } from "./effects.ts";
import type { Fleet, Instant } from "./fleet.ts";
import { planPlacements } from "./plan-placements.ts";
import { placeTasks } from "./scheduler/place-tasks.ts";

/** What follows from all inputs of a turn together: one pass of the scheduler, and what nodes should have of models. */
export function finishTurn(fleet: Fleet, effects: Effects, now: Instant): void {
  placeTasks(fleet, effects, now);
  planPlacements(fleet, effects);
}
