import { describe, expect, test } from "vitest";
import { aJob, Scenario } from "../../testing/scenario.ts";
import { MeasuredDurations } from "./measured-durations.ts";

describe("how long jobs of a name take", () => {
  test("is the longest of the latest eight that succeeded", () => {
    const durations = new MeasuredDurations();
    durations.learn("nightly", 900);
    for (let run = 0; run < 7; run++) durations.learn("nightly", 100 + run);
    expect(durations.of("nightly")).toBe(900);
    durations.learn("nightly", 50);
    expect(durations.of("nightly")).toBe(106);
    expect(durations.of("other")).toBeNull();
    expect(durations.of(null)).toBeNull();
  });

  test("is learnt from what succeeded, once that is durable", () => {
    const scenario = new Scenario();
    scenario.hello(1);
    const failed = scenario.submit(aJob({ name: "nightly" }));
    scenario.end(scenario.attempt(failed), { type: "exited", code: 1 });
    expect(scenario.fleet.durations.of("nightly")).toBeNull();
    const succeeded = scenario.submit(aJob({ name: "nightly" }));
    const { id, nodeId } = scenario.attempt(succeeded);
    const report = {
      attemptId: id,
      state: "ended" as const,
      pid: 1,
      startedAtMs: 1000,
      endedAtMs: 4000,
      outputBytes: 0,
      usage: null,
      outcome: { type: "exited" as const, code: 0 },
    };
    const end = { type: "attemptReports" as const, sessionId: 1, nodeId, reports: [report] };
    scenario.failingTurn(end);
    expect(scenario.fleet.durations.of("nightly")).toBeNull();
    scenario.turn(end);
    expect(scenario.fleet.durations.of("nightly")).toBe(3000);
  });
});
