import type { AttemptId } from "@drover/shared/domain/ids.ts";
import type { AttemptReport } from "@drover/shared/protocol/messages.ts";
import type { Claim, ExitRecord } from "../spool/records.ts";
import type { StopCause } from "../spool/spool.ts";

/** One attempt as the agent holds it; everything but the wishes is read from the spool again after a restart. */
export interface HeldAttempt {
  readonly attemptId: AttemptId;
  cgroup: string | null;
  /** Known once a supervisor told us or we read it. */
  claim: Claim | null;
  /** Set from when the command runs; until then `starting`. */
  started: { pid: number; startedAtMs: number } | null;
  stopCause: StopCause | null;
  exit: ExitRecord | null;
  /** Its supervisor was told to stop, or is gone: it starts nothing any more. */
  isToldToStop: boolean;
  /** The coordinator does not list it: once it has ended it is dropped without a report. */
  unwanted: boolean;
  /** When a supervisor was last asked for; `null` while the coordinator has not confirmed that it still wants it. */
  askedAtMonotonicMs: number | null;
}

/**
 * What the coordinator is told. `ended` promises that nothing is missing any more, so an attempt whose output is
 * not acknowledged to its last byte is still `releasing`.
 */
export function reportOf(held: HeldAttempt, acknowledgedBytes: number): AttemptReport {
  const pid = held.started?.pid ?? null;
  const startedAtMs = held.started?.startedAtMs ?? null;
  if (held.exit !== null) {
    const { outcome, endedAtMs, outputBytes, usage } = held.exit;
    const state = acknowledgedBytes >= outputBytes ? "ended" : "releasing";
    return { attemptId: held.attemptId, state, pid, startedAtMs, outcome, endedAtMs, outputBytes, usage };
  }
  const state = held.started === null ? "starting" : held.stopCause === null ? "running" : "stopping";
  return {
    attemptId: held.attemptId,
    state,
    pid,
    startedAtMs,
    outcome: null,
    endedAtMs: null,
    outputBytes: acknowledgedBytes,
    usage: null,
  };
}

/** The answer to "stop" for an attempt that never was here, or no longer is. */
export function reportOfUnknown(attemptId: AttemptId, cause: StopCause, nowMs: number): AttemptReport {
  return {
    attemptId,
    state: "ended",
    pid: null,
    startedAtMs: null,
    outcome: { type: cause },
    endedAtMs: nowMs,
    outputBytes: 0,
    usage: null,
  };
}
