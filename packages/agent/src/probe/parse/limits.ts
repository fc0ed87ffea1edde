import { BYTES_PER_MIB } from "@drover/shared/units.ts";
import { wholeNumberOf } from "./cell.ts";

/** Beyond what machines have: a number above is damage, not hardware. */
export const MAX_INDEX = 1023;
export const MAX_PID = 2 ** 22;
export const MAX_PERCENT = 100;
export const MAX_CELSIUS = 250;
export const MAX_WATTS = 20_000;
export const MAX_MEGAHERTZ = 20_000;
export const MAX_COUNT = Number.MAX_SAFE_INTEGER;
const MAX_GPU_MEMORY_MIB = 16 * 1024 * 1024;
export const MAX_GPU_MEMORY_BYTES = MAX_GPU_MEMORY_MIB * BYTES_PER_MIB;

/** A cell in MiB, as bytes. */
export function mebibytesOf(cell: string | null | undefined): number | null {
  const mebibytes = wholeNumberOf(cell, MAX_GPU_MEMORY_MIB);
  return mebibytes === null ? null : mebibytes * BYTES_PER_MIB;
}
