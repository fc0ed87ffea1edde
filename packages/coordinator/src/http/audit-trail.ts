import type { Clock } from "@drover/shared/clock.ts";
import type { AccessStore, AuditRecord } from "../store/access-store.ts";
import type { Log } from "../telemetry/log.ts";

/** Who did what, or was not let: a line of the trail, which is written with the next turn, and one of the log. */
export type NoteAudit = (entry: Omit<AuditRecord, "atMs" | "verdict">) => void;

export function auditTrail(store: AccessStore, clock: Clock, log: Log): NoteAudit {
  return (entry) => {
    const verdict = entry.code === null ? "allowed" : "denied";
    store.noteAudit({ ...entry, atMs: clock.nowMs(), verdict });
    if (verdict === "allowed") log.info({ event: "access.allowed", ...entry }, "access allowed");
    else log.warn({ event: "access.denied", ...entry }, "access denied");
  };
}
