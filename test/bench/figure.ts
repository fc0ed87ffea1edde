import type { Workshop } from "./fleet.ts";
import type { Machine } from "./machine.ts";

/** One line of the table: a number beside what was promised. */
export interface Measurement {
  figure: string;
  measured: string;
  target: string;
  met: boolean;
  /** Everything behind the line, for the JSON file. */
  details: Record<string, number | string>;
}

export interface Figure {
  /** For `--only`. */
  name: string;
  measure(workshop: Workshop, machine: Machine): Promise<Measurement[]>;
}

/** The value below which `share` (0..1) of the values lie. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.ceil(share * sorted.length) - 1] ?? Number.NaN;
}
