import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { MUTANTS } from "./mutants.ts";

const ROOT = join(import.meta.dirname, "../../..");

test("every mutant has a name of its own and one place to be planted in", () => {
  expect(new Set(MUTANTS.map(({ name }) => name)).size).toBe(MUTANTS.length);
  const misplaced = MUTANTS.filter(
    ({ file, find }) => readFileSync(join(ROOT, file), "utf8").split(find).length - 1 !== 1,
  );
  expect(misplaced.map(({ name }) => name)).toEqual([]);
});
