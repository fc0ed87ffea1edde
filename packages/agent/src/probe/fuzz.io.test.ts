import { expect, test } from "vitest";
import { absurdityIn, fuzzProbe } from "../testing/fuzz-probe.ts";

test("20 000 damaged outputs throw nothing, take no time, and yield nothing absurd", () => {
  // More of them: npm run fuzz -- --count 1000000
  const result = fuzzProbe({ count: 20_000, seed: 20_261_124, nowMs: () => performance.now() });
  expect(result.failures).toEqual([]);
  expect(result.slowestMs).toBeLessThan(5_000);
});

test.for([
  { sizeBytes: -1 },
  { memoryBytes: 2 ** 51 },
  { utilizationPercent: 101 },
  { count: Number.NaN },
  { cells: [1, 2.5] },
  { name: "\u001b[2J" },
  { name: "x".repeat(500) },
])("what the fuzzing looks for is found in %j", (value) => {
  expect(absurdityIn(value, "")).not.toBeNull();
});
