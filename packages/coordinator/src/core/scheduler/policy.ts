/** Who comes first, and what may pass whom. */
export interface SchedulingPolicy {
  /** Of tasks of one priority. `aged`: by submission, the longer ones some time later (standing.ts). */
  readonly order: "submission" | "shortest" | "aged";
  /** What may start before a task that comes first and finds no room. `backfill`: what does not delay it. */
  readonly passing: "nothing" | "backfill" | "anything";
}

/** What the coordinator runs. */
export const DROVER_POLICY: SchedulingPolicy = { order: "aged", passing: "backfill" };

/** What it is compared with in rehearsals; all of them place by the same score. */
export const POLICIES = {
  drover: DROVER_POLICY,
  fifo: { order: "submission", passing: "nothing" },
  "fifo-backfill": { order: "submission", passing: "backfill" },
  "shortest-first": { order: "shortest", passing: "anything" },
} as const satisfies Record<string, SchedulingPolicy>;
export type PolicyName = keyof typeof POLICIES;
