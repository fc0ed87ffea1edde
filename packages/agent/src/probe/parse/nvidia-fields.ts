import { linesOf } from "./text.ts";

/** Reads `nvidia-smi --help-query-gpu`: every field that the installed driver knows, under each of its names. */
export function parseNvidiaFields(text: string): ReadonlySet<string> {
  const fields = new Set<string>();
  for (const line of linesOf(text)) {
    // `"name" or "gpu_name"` at the start of a line; what it means stands on the lines after.
    if (!/^"[^"]{1,120}"( or "[^"]{1,120}")*$/.test(line)) continue;
    for (const [, field] of line.matchAll(/"([^"]{1,120})"/g)) if (field !== undefined) fields.add(field);
  }
  return fields;
}
