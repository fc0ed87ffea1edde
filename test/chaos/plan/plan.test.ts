import { expect, test } from "vitest";
import type { Fault } from "./fault.ts";
import { planFaults } from "./plan.ts";
import { Random } from "../../simulation/world/random.ts";

const MINUTE_MS = 60_000;

function plan(seed: number, durationMs: number): Fault[] {
  return planFaults(new Random(seed), durationMs)
    .flat()
    .map(({ fault }) => fault);
}

test("a seed fixes the plan, and another seed makes another", () => {
  expect(plan(1, MINUTE_MS)).toEqual(plan(1, MINUTE_MS));
  expect(plan(2, MINUTE_MS)).not.toEqual(plan(1, MINUTE_MS));
});

test("half a minute has faults of every sort, and five minutes outages after which attempts are given away", () => {
  for (let seed = 0; seed < 50; seed++) {
    const kinds = new Set(plan(seed, MINUTE_MS / 2).map(({ kind }) => kind));
    for (const kind of ["kill", "pause", "partition", "fillDisk"]) expect(kinds, `seed ${seed}`).toContain(kind);
    expect(plan(seed, 5 * MINUTE_MS).filter(({ forMs }) => forMs > 25_000).length).toBeGreaterThan(2);
  }
});

test("a restore always follows a copy", () => {
  for (let seed = 0; seed < 50; seed++) {
    const sort = plan(seed, 5 * MINUTE_MS).map(({ kind }) => kind);
    expect(sort).toContain("restore");
    expect(sort.indexOf("copy")).toBeLessThan(sort.indexOf("restore"));
  }
});
