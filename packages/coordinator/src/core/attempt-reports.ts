import { isLaterAttemptState } from "@drover/shared/domain/attempt.ts";
import type { AttemptReport } from "@drover/shared/protocol/messages.ts";
import { forgetFailures } from "./cooldown.ts";
import type { Effects } from "./effects.ts";
import { attemptFields, endAttempt } from "./end-attempt.ts";
import type { Fleet, Instant } from "./fleet.ts";
import type { Happening } from "./input.ts";
import type { AttemptRecord } from "./records.ts";

/** What an agent sees of its attempts. Idempotent: an agent repeats itself until it is told to forget. */
export function attemptReports(
  fleet: Fleet,
  { sessionId, nodeId, reports }: Extract<Happening, { type: "attemptReports" }>,
  effects: Effects,
  now: Instant,
): void {
  // A session that was replaced may still have frames under way; the new one's hello has told all of it.
  if (fleet.sessionIdOf(nodeId) !== sessionId) return;
  for (const report of reports) {
    const attempt = fleet.attempts.get(report.attemptId);
    if (attempt?.nodeId === nodeId && attempt.state !== "ended") {
      observeAttempt(fleet, attempt, report, effects, now);
    } else if (report.state !== "ended") {
      // It ended here without the node (its lease ran out, say): nothing of it may go on there.
      effects.desire(nodeId, { desired: "stop", attemptId: report.attemptId, cause: "canceled" });
    }
    if (report.state === "ended") effects.desire(nodeId, { desired: "forget", attemptId: report.attemptId });
  }
}

/** Takes one report of a live attempt over into its record. */
export function observeAttempt(
  fleet: Fleet,
  attempt: AttemptRecord,
  report: AttemptReport,
  effects: Effects,
  now: Instant,
): void {
  const startedNow = attempt.startedAtMs === null && report.startedAtMs !== null;
  const observed: AttemptRecord = {
    ...attempt,
    state: isLaterAttemptState(report.state, attempt.state) ? report.state : attempt.state,
    pid: report.pid ?? attempt.pid,
    startedAtMs: attempt.startedAtMs ?? report.startedAtMs,
  };
  if (startedNow) forgetFailures(fleet, attempt.nodeId);
  if (startedNow) effects.tell({ event: "attempt.started", ...attemptFields(fleet, attempt), pid: report.pid });
  if (report.state === "ended" && report.outcome !== null) {
    const { outcome, outputBytes, usage } = report;
    endAttempt(
      fleet,
      observed,
      { outcome, outputBytes, usage, endedAtMs: report.endedAtMs ?? now.wallMs },
      effects,
      now,
    );
  } else if (observed.state !== attempt.state || startedNow) {
    fleet.attempts.put(attempt.id, { ...observed, state: observed.state === "ended" ? attempt.state : observed.state });
  }
}
