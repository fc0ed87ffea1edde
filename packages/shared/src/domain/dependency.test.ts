import { describe, expect, it } from "vitest";
import { DependencyCondition, judgeDependency, type DependencyStanding } from "./dependency.ts";
import { JobState } from "./job.ts";

const STANDINGS: Readonly<Record<DependencyCondition, Readonly<Record<JobState, DependencyStanding>>>> = {
  onSuccess: { queued: "awaited", running: "awaited", succeeded: "met", failed: "failed", canceled: "failed" },
  onFailure: { queued: "awaited", running: "awaited", succeeded: "failed", failed: "met", canceled: "met" },
  always: { queued: "awaited", running: "awaited", succeeded: "met", failed: "met", canceled: "met" },
};

describe("a dependency", () => {
  it.each(
    Object.values(DependencyCondition).flatMap((when) =>
      Object.values(JobState).map((state) => [when, state, STANDINGS[when][state]] as const),
    ),
  )("%s on a job that is %s is %s", (when, state, standing) => {
    expect(judgeDependency(when, state)).toBe(standing);
  });
});
