import { expect, test } from "vitest";
import { aJob, Scenario } from "../testing/scenario.ts";
import { assignmentFor } from "./assignment.ts";

test("an assignment has the variables of its task beside those of its job, and they come first", () => {
  const scenario = new Scenario();
  scenario.hello(1);
  const jobId = scenario.submit(
    aJob({ env: { DATA: "/d", LR: "1" }, array: { matrix: { LR: [0.1, 0.01], SEED: [7] } } }),
  );
  const env = (index: number) => assignmentFor(scenario.fleet, scenario.attempt(jobId, index)).env;
  expect(env(0)).toEqual({ DATA: "/d", LR: "0.1", SEED: "7" });
  expect(env(1)).toEqual({ DATA: "/d", LR: "0.01", SEED: "7" });
});
