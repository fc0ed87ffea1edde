import { excerptOf } from "./text.ts";

/** What a tool says in place of a value where a device is in trouble, and not merely without that sensor. */
export const CellTrouble = {
  gpuLost: "gpuLost",
  gpuRequiresReset: "gpuRequiresReset",
  unknownError: "unknownError",
  noPermission: "noPermission",
} as const;
export type CellTrouble = (typeof CellTrouble)[keyof typeof CellTrouble];

const TROUBLES: Readonly<Record<string, CellTrouble>> = {
  "[gpu is lost]": CellTrouble.gpuLost,
  "[gpu requires reset]": CellTrouble.gpuRequiresReset,
  "[unknown error]": CellTrouble.unknownError,
  "err!": CellTrouble.unknownError,
  "[insufficient permissions]": CellTrouble.noPermission,
};

/** Nothing to say: no such sensor, not on this model, not in this mode. */
const PLACEHOLDER = /^(\[.*\]|n\/a|none|unknown|-)?$/i;

export function troubleOf(cell: string): CellTrouble | null {
  return TROUBLES[cell.trim().toLowerCase()] ?? null;
}

/** The cell's text; `null` for every way of saying that there is no value. Never read as zero. */
export function valueOf(cell: string | null | undefined): string | null {
  const text = (cell ?? "").trim();
  return PLACEHOLDER.test(text) || troubleOf(text) !== null ? null : excerptOf(text);
}

/** A value with or without its unit: `81559`, `81559 MiB`, `87 %`, `69.85 W`, `45.0`. */
const NUMBER = /^(\d{1,18}(?:\.\d{1,9})?)(?:\s?[A-Za-z%/°]{1,8})?$/;

/** A number from 0 to `max`; `null` for placeholders and for what cannot be meant. */
export function decimalOf(cell: string | null | undefined, max: number): number | null {
  const digits = NUMBER.exec(valueOf(cell) ?? "")?.[1];
  const number = Number(digits ?? Number.NaN);
  return number >= 0 && number <= max ? number : null;
}

/** A whole number from 0 to `max`; a fraction is rounded. */
export function wholeNumberOf(cell: string | null | undefined, max: number): number | null {
  const number = decimalOf(cell, max);
  return number === null ? null : Math.round(number);
}

/** `Enabled`, `On`, `Yes`, `Active` and their opposites. */
export function flagOf(cell: string | null | undefined): boolean | null {
  const word = (valueOf(cell) ?? "").toLowerCase();
  if (["enabled", "on", "yes", "active", "true"].includes(word)) return true;
  if (["disabled", "off", "no", "not active", "false"].includes(word)) return false;
  return null;
}
