import { MS_PER_SECOND } from "../units.ts";

/** Longer than this nobody is left alone, whatever they ask for: well below what a timer can wait. */
export const MAX_RETRY_AFTER_MS = 24 * 60 * 60 * MS_PER_SECOND;

/** How long a source asks to be left alone: seconds or a date (RFC 9110, 10.2.3); `null` where it does not say. */
export function parseRetryAfter(header: string | null | undefined, nowMs: number): number | null {
  const text = header?.trim() ?? "";
  const waitMs = /^\d+$/.test(text) ? Number(text) * MS_PER_SECOND : Date.parse(text) - nowMs;
  return Number.isNaN(waitMs) ? null : Math.min(Math.max(0, waitMs), MAX_RETRY_AFTER_MS);
}

/**
 * Where a redirect leads; `null` where it leads nowhere, or from a protected connection to one that is not: anybody on
 * the way could then give other bytes, or read the signature.
 */
export function redirectTarget(location: string | null | undefined, from: string): URL | null {
  const target = location ? URL.parse(location, from) : null;
  if (target === null || !/^https?:$/.test(target.protocol)) return null;
  return new URL(from).protocol === "https:" && target.protocol !== "https:" ? null : target;
}
