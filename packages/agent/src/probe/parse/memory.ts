import { BYTES_PER_KIB } from "@drover/shared/units.ts";

/** One line of /proc/meminfo, such as `MemTotal:  65843844 kB`, as bytes. */
export function parseMemInfo(text: string | null, name: string): number | null {
  const digits = new RegExp(`^(?:Node \\d+ )?${name}:\\s+(\\d{1,15}) kB$`, "m").exec(text ?? "")?.[1];
  return digits === undefined ? null : Number(digits) * BYTES_PER_KIB;
}
