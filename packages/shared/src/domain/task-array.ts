import { z } from "zod";
import { variables, Word } from "./environment.ts";
import { onlyItsFields } from "./only-its-fields.ts";

export const MAX_ARRAY_SIZE = 100_000;
/** Where a task of `values` finds its own, if that is a single word. */
export const VALUE_VARIABLE = "DROVER_TASK_VALUE";

const HOW = "array is written as array: {size: 8}, array: {values: [a, b]} or array: {matrix: {LR: [0.1, 0.01]}}";

const Value = z.union([Word, variables(Word, "a value is a word, or a list of NAME: value")]);

/** One array in three spellings: so many tasks, a task for each value, a task for each combination. */
export const TaskArray = z
  .strictObject(
    {
      size: z
        .int()
        .min(1)
        .max(MAX_ARRAY_SIZE)
        .optional()
        .meta({ description: "As many tasks, told apart by DROVER_TASK_INDEX" }),
      values: z
        .array(Value, HOW)
        .min(1)
        .max(MAX_ARRAY_SIZE)
        .optional()
        .meta({ description: `A task for each; a word arrives as ${VALUE_VARIABLE}, variables under their names` }),
      matrix: variables(z.array(Word).min(1), HOW)
        .refine((matrix) => Object.keys(matrix).length > 0, "a matrix names at least one variable")
        .optional()
        .meta({ description: "A task for each combination of the variables' values; the last varies fastest" }),
    },
    onlyItsFields("array", HOW),
  )
  .refine(
    ({ size, values, matrix }) => [size, values, matrix].filter((one) => one !== undefined).length === 1,
    "give exactly one of size, values and matrix",
  )
  .refine(({ matrix }) => matrix === undefined || combinations(matrix) <= MAX_ARRAY_SIZE, {
    error: `a matrix has at most ${MAX_ARRAY_SIZE} combinations`,
    path: ["matrix"],
  });

/** What tells the tasks of an array apart besides their index; kept once for all of them. */
export const Sweep = z
  .union([
    z.object({ values: z.array(z.record(z.string(), z.string())) }),
    z.object({ matrix: z.record(z.string(), z.array(z.string())) }),
  ])
  .meta({ id: "Sweep" });
export type Sweep = z.infer<typeof Sweep>;

export function arraySizeOf(array: z.output<typeof TaskArray>): number {
  return array.size ?? array.values?.length ?? combinations(array.matrix ?? {});
}

export function sweepOf({ values, matrix }: z.output<typeof TaskArray>): Sweep | null {
  if (values)
    return { values: values.map((value) => (typeof value === "string" ? { [VALUE_VARIABLE]: value } : value)) };
  return matrix ? { matrix } : null;
}

/** The variables of one task. */
export function variablesOf(sweep: Sweep | null, taskIndex: number): Record<string, string> {
  if (sweep === null) return {};
  if ("values" in sweep) return sweep.values[taskIndex] ?? {};
  let rest = taskIndex;
  const found: [string, string][] = [];
  for (const [name, values] of Object.entries(sweep.matrix).toReversed()) {
    found.unshift([name, values[rest % values.length] ?? ""]);
    rest = Math.floor(rest / values.length);
  }
  return Object.fromEntries(found);
}

function combinations(matrix: Readonly<Record<string, readonly string[]>>): number {
  return Object.values(matrix).reduce((count, values) => count * values.length, 1);
}
