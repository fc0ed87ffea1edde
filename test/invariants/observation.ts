/**
 * What anybody outside can see of a fleet, gathered by whoever watches it: the simulator after each step, the
 * end-to-end and chaos tests from the HTTP API and from what the tasks themselves wrote down. Plain data, so
 * that one set of invariants judges all of them.
 */

/** A submission that was answered "accepted". */
export interface Acknowledgement {
  idempotencyKey: string | null;
  jobId: number;
}

/** A job as the coordinator knows it, live or ended. */
export interface ObservedJob {
  id: number;
  idempotencyKey: string | null;
}

/** One start of an attempt's command, as its own witness saw it; clocks are the witness's, and one for all. */
export interface Execution {
  attemptId: string;
  nodeName: string;
  startedAtMs: number;
  /** `null` while it runs. */
  endedAtMs: number | null;
}

/** Output of one attempt: what its command wrote, and what a reader of the coordinator gets. */
export interface ObservedOutput {
  attemptId: string;
  written: string;
  stored: string;
  /** The coordinator says that this is all of it; `false` where the node is gone or the attempt goes on. */
  isComplete: boolean;
}

export interface ObservedTask {
  jobId: number;
  index: number;
  /** Every state that was seen, in order; the last is the present one. */
  states: readonly string[];
  /** Codes of the present reasons to wait. */
  waitingReasons: readonly string[];
  executions: readonly Execution[];
  outputs: readonly ObservedOutput[];
}

/** What a node has in all, and what each of the attempts on it was promised. */
export interface ObservedNode {
  name: string;
  capacity: { cpuMilli: number; memoryBytes: number; gpuIds: readonly string[] };
  allocations: readonly {
    attemptId: string;
    cpuMilli: number;
    memoryBytes: number;
    gpuShares: readonly { gpuId: string; gpuMilli: number }[];
  }[];
  /** Connected, and nothing under way between the two: then both lists must be the same. `null` where that is unknown. */
  settled: { desiredAttemptIds: readonly string[]; heldAttemptIds: readonly string[] } | null;
}
