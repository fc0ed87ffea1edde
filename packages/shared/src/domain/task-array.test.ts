import { describe, expect, test } from "vitest";
import { arraySizeOf, sweepOf, TaskArray, variablesOf } from "./task-array.ts";

function variablesOfAll(array: unknown): Record<string, string>[] {
  const parsed = TaskArray.parse(array);
  return Array.from({ length: arraySizeOf(parsed) }, (_, index) => variablesOf(sweepOf(parsed), index));
}

describe("the tasks of an array", () => {
  test("of a size differ by their index alone", () => {
    expect(variablesOfAll({ size: 2 })).toEqual([{}, {}]);
  });

  test("of words each find their own, as text", () => {
    expect(variablesOfAll({ values: ["a b", 8080, true] })).toEqual([
      { DROVER_TASK_VALUE: "a b" },
      { DROVER_TASK_VALUE: "8080" },
      { DROVER_TASK_VALUE: "true" },
    ]);
  });

  test("of lists of variables find them under their names", () => {
    expect(variablesOfAll({ values: [{ LR: 0.1, MODEL: "small" }, { LR: 0.01 }] })).toEqual([
      { LR: "0.1", MODEL: "small" },
      { LR: "0.01" },
    ]);
  });

  test("of a matrix are its combinations, the last variable varying fastest", () => {
    expect(
      variablesOfAll({ matrix: { LR: [0.1, 0.01], SEED: [1, 2, 3] } }).map((one) => Object.values(one).join()),
    ).toEqual(["0.1,1", "0.1,2", "0.1,3", "0.01,1", "0.01,2", "0.01,3"]);
  });
});

describe("an array", () => {
  test.for([
    ["of two kinds", { size: 2, values: ["a", "b"] }, "give exactly one of size, values and matrix"],
    ["of no kind", {}, "give exactly one of size, values and matrix"],
    ["of no value", { values: [] }, "array is written as"],
    ["of a matrix without variables", { matrix: {} }, "a matrix names at least one variable"],
    ["of a variable without values", { matrix: { LR: [] } }, "Too small"],
    ["of a variable that is ours", { matrix: { DROVER_JOB_ID: [1] } }, "are set by Drover itself"],
    ["of a variable that is none", { values: [{ "MY-LR": 1 }] }, "letters, digits and _"],
    [
      "of more combinations than an array may have",
      { matrix: { A: Array.from({ length: 1000 }, (_, a) => a), B: Array.from({ length: 101 }, (_, b) => b) } },
      "a matrix has at most 100000 combinations",
    ],
    ["as a number", 8, "array is written as array: {size: 8}"],
  ] as const)("%s is refused", ([, array, problem]) => {
    expect(JSON.stringify(TaskArray.safeParse(array).error?.issues)).toContain(problem);
  });
});
