import { describe, expect, test } from "vitest";
import { createBackoff } from "./backoff.ts";

describe("a back-off", () => {
  test("doubles to its limit, and begins anew when it is reset", () => {
    const backoff = createBackoff(250, 15_000, () => 1);
    expect(Array.from({ length: 8 }, () => backoff.nextDelayMs())).toEqual([
      250, 500, 1000, 2000, 4000, 8000, 15_000, 15_000,
    ]);
    backoff.reset();
    expect(backoff.nextDelayMs()).toBe(250);
  });

  test("spreads over the whole range", () => {
    const draws = [0, 0.5, 0.25];
    const backoff = createBackoff(1000, 15_000, () => draws.shift() ?? 0);
    expect([backoff.nextDelayMs(), backoff.nextDelayMs(), backoff.nextDelayMs()]).toEqual([0, 1000, 1000]);
  });
});
