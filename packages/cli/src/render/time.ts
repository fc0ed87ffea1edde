import { formatDuration } from "@drover/shared/units.ts";

/** `3m12s ago`. */
export function formatAgo(timestamp: string, nowMs: number): string {
  return `${formatDuration(Math.max(0, nowMs - Date.parse(timestamp)))} ago`;
}

/** `in 3m12s`; of what is past, `now`: it is being done. */
export function formatIn(timestamp: string, nowMs: number): string {
  const durationMs = Date.parse(timestamp) - nowMs;
  return durationMs > 0 ? `in ${formatDuration(durationMs)}` : "now";
}

/** How long something took, or has taken by now; `-` where it has not begun. */
export function formatElapsed(startedAt: string | null, endedAt: string | null, nowMs: number): string {
  if (startedAt === null) return "-";
  const endMs = endedAt === null ? nowMs : Date.parse(endedAt);
  return formatDuration(Math.max(0, endMs - Date.parse(startedAt)));
}

/** The reader's own clock, `17:30:02`. */
export function formatTimeOfDay(timestamp: string): string {
  const time = new Date(timestamp);
  return [time.getHours(), time.getMinutes(), time.getSeconds()].map((part) => String(part).padStart(2, "0")).join(":");
}
