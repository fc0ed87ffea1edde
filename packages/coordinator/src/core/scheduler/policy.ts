/** Who comes first, and what may pass whom. The coordinator runs `DROVER_POLICY`; the others are there to be compared with it. */
export interface SchedulingPolicy {
  /** Of tasks of one priority. `aged`: by submission, the longer ones some time later (estimates.ts). */
  readonly order: "submission" | "shortest" | "aged";
  /** What may start before a task that comes first and finds no room. `backfill`: what does not delay it. */
  readonly passing: "nothing" | "backfill" | "anything";
}

export const DROVER_POLICY: SchedulingPolicy = { order: "aged", passing: "backfill" };
