import { z } from "zod";

export const MS_PER_SECOND = 1000;
export const MS_PER_MINUTE = 60 * MS_PER_SECOND;
export const MS_PER_HOUR = 60 * MS_PER_MINUTE;
export const MS_PER_DAY = 24 * MS_PER_HOUR;

export const BYTES_PER_KIB = 1024;
export const BYTES_PER_MIB = 1024 * BYTES_PER_KIB;
export const BYTES_PER_GIB = 1024 * BYTES_PER_MIB;

const BYTE_UNITS: Readonly<Record<string, number>> = {
  b: 1,
  kib: 1024,
  mib: 1024 ** 2,
  gib: 1024 ** 3,
  tib: 1024 ** 4,
  kb: 1000,
  mb: 1000 ** 2,
  gb: 1000 ** 3,
  tb: 1000 ** 4,
};

const DURATION_UNITS_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: MS_PER_SECOND,
  m: MS_PER_MINUTE,
  h: MS_PER_HOUR,
  d: MS_PER_DAY,
};

/**
 * Reads `"64GiB"`, `"1.5 GB"` or `"512B"` as bytes; `null` where it is not a size.
 *
 * A bare `64G` is refused on purpose: half the tools people know read it as 1000³ and half as 1024³.
 */
export function parseBytes(text: string): number | null {
  const match = /^\s*(\d+(?:\.\d+)?)\s*([kmgt]?i?b)\s*$/i.exec(text);
  const factor = BYTE_UNITS[match?.[2]?.toLowerCase() ?? ""];
  if (!match || factor === undefined) return null;
  const bytes = Math.round(Number(match[1]) * factor);
  return Number.isSafeInteger(bytes) ? bytes : null;
}

/** Reads `"90m"`, `"1h30m"`, `"500ms"` as milliseconds; `null` where it is not a duration. */
export function parseDurationMs(text: string): number | null {
  const compact = text.trim().toLowerCase();
  if (!/^(\d+(\.\d+)?(ms|s|m|h|d))+$/.test(compact)) return null;
  let totalMs = 0;
  for (const [, amount, unit] of compact.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g)) {
    totalMs += Number(amount) * (DURATION_UNITS_MS[unit ?? ""] ?? Number.NaN);
  }
  const rounded = Math.round(totalMs);
  return Number.isSafeInteger(rounded) ? rounded : null;
}

const BYTE_STEPS: readonly (readonly [number, string])[] = [
  [1024 ** 4, "TiB"],
  [1024 ** 3, "GiB"],
  [1024 ** 2, "MiB"],
  [1024, "KiB"],
];

/** `68719476736` → `64 GiB`, with one decimal below 10. */
export function formatBytes(bytes: number): string {
  for (const [factor, unit] of BYTE_STEPS) {
    if (bytes >= factor) {
      const value = bytes / factor;
      return `${value < 10 && value % 1 !== 0 ? value.toFixed(1) : Math.round(value)} ${unit}`;
    }
  }
  return `${bytes} B`;
}

/** `5_400_000` → `1h30m`; two units at the most, `450ms` below a second. */
export function formatDuration(durationMs: number): string {
  if (durationMs < MS_PER_SECOND) return `${Math.round(durationMs)}ms`;
  if (durationMs < MS_PER_MINUTE) {
    const seconds = durationMs / MS_PER_SECOND;
    return `${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)}s`;
  }
  const steps = [
    [MS_PER_DAY, "d"],
    [MS_PER_HOUR, "h"],
    [MS_PER_MINUTE, "m"],
    [MS_PER_SECOND, "s"],
  ] as const;
  const first = steps.findIndex(([factor]) => durationMs >= factor);
  let restMs = durationMs;
  let text = "";
  for (const [factor, unit] of steps.slice(first, first + 2)) {
    const count = Math.floor(restMs / factor);
    restMs -= count * factor;
    if (count > 0) text += `${count}${unit}`;
  }
  return text;
}

/** Accepts bytes as a whole number or people's units; yields bytes. */
export const ByteSize = z
  .union([z.int().nonnegative(), z.string()])
  .transform((value, context) => {
    const bytes = typeof value === "number" ? value : parseBytes(value);
    if (bytes !== null) return bytes;
    context.addIssue({
      code: "custom",
      message: `"${value}" is not a size; say its unit, such as "512MiB" or "64GiB" (a bare number in a file counts bytes)`,
    });
    return z.NEVER;
  })
  .meta({ description: 'Bytes, or a size such as "64GiB"', examples: ["64GiB", 1073741824] });

/** Accepts milliseconds as a whole number or people's units; yields milliseconds. */
export const Duration = z
  .union([z.int().nonnegative(), z.string()])
  .transform((value, context) => {
    const durationMs = typeof value === "number" ? value : parseDurationMs(value);
    if (durationMs !== null) return durationMs;
    context.addIssue({
      code: "custom",
      message: `"${value}" is not a duration; say its unit, such as "90s" or "1h30m" (a bare number in a file counts milliseconds)`,
    });
    return z.NEVER;
  })
  .meta({ description: 'Milliseconds, or a duration such as "90m"', examples: ["90m", 60000] });
