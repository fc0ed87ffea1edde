/**
 * One member of a job.
 *
 *   queued ──► staging ──► running ──► succeeded
 *     ▲  └──────────────────►│ ├─────► failed
 *     └──────────────────────┘ └─────► canceled   (from queued and staging too)
 *
 * `queued` always has a reason (waiting-reasons.ts). An end that the retry policy covers leads back to
 * `queued` with the next attempt.
 */
export const TaskState = {
  queued: "queued",
  /** A node is chosen and what the task needs is being brought there; no GPU is held yet. */
  staging: "staging",
  /** An attempt holds an allocation; the attempt's own state says how far it is. */
  running: "running",
  succeeded: "succeeded",
  failed: "failed",
  canceled: "canceled",
} as const;
export type TaskState = (typeof TaskState)[keyof typeof TaskState];

export const TASK_TRANSITIONS: Readonly<Record<TaskState, readonly TaskState[]>> = {
  queued: ["staging", "running", "canceled"],
  staging: ["queued", "running", "failed", "canceled"],
  running: ["queued", "succeeded", "failed", "canceled"],
  succeeded: [],
  failed: [],
  canceled: [],
};

export function isTerminalTaskState(state: TaskState): boolean {
  return TASK_TRANSITIONS[state].length === 0;
}

/** Why a task or attempt got where it is; beside every state, in the store, the API and the log. */
export const Cause = {
  submitted: "submitted",
  assigned: "assigned",
  started: "started",
  exitedZero: "exitedZero",
  exitedNonZero: "exitedNonZero",
  signaled: "signaled",
  outOfMemory: "outOfMemory",
  timedOut: "timedOut",
  startFailed: "startFailed",
  nodeLost: "nodeLost",
  preempted: "preempted",
  /** A GPU that it held fell out. */
  gpuLost: "gpuLost",
  /** Somebody asked for it. */
  canceled: "canceled",
  /** A job that it comes after ended in another way than its condition asks for. */
  dependencyFailed: "dependencyFailed",
  /** It ended without fault of its own more often than MAX_FAULTLESS_ATTEMPTS. */
  attemptsExhausted: "attemptsExhausted",
} as const;
export type Cause = (typeof Cause)[keyof typeof Cause];
