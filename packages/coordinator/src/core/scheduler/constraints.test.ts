import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { JobSubmission } from "@drover/shared/domain/job.ts";
import type { Constraint } from "@drover/shared/domain/waiting-reason.ts";
import { aGpu, aHello, aJob, nodeIdOf, Scenario } from "../../testing/scenario.ts";
import { countConstraints } from "./constraints.ts";

const GIB = 1024 ** 3;

function helloWith(scenario: Scenario, number: number, size: { cpus: number; gib: number; models: string[] }): void {
  const gpus = size.models.map((model, index) =>
    aGpu(`GPU-${number}-${index}`, { model, modelName: model, memoryBytes: (model === "L40S" ? 48 : 80) * GIB }),
  );
  const hello = { cpus: size.cpus, memoryBytes: size.gib * GIB, gpus: gpus.length };
  scenario.hello(number, { ...hello, hardware: { ...aHello(number, hello).hardware, gpus } });
}

type Resources = NonNullable<JobSubmission["resources"]>;
const countsFor = (scenario: Scenario, resources: Resources) =>
  countConstraints(scenario.fleet, aJob({ resources }).resources);

describe("the arithmetic of why a task waits", () => {
  test("counts for each constraint the nodes that it rules out, and those where it is the only one", () => {
    const scenario = new Scenario();
    helloWith(scenario, 1, { cpus: 2, gib: 16, models: ["A100", "A100"] });
    helloWith(scenario, 2, { cpus: 16, gib: 64, models: ["L40S"] });
    helloWith(scenario, 3, { cpus: 16, gib: 8, models: ["A100"] });
    helloWith(scenario, 4, { cpus: 16, gib: 64, models: ["A100"] });
    scenario.turn({
      type: "setNodeAdmin",
      nodeId: nodeIdOf(4),
      admin: "cordoned",
      reason: null,
      deadlineAfterMs: null,
      actor: "x",
    });
    expect(countsFor(scenario, { cpus: 4, memory: "32GiB", gpus: { model: "A100" } })).toEqual([
      { constraint: "availability", nodeCount: 1, soleCount: 1 },
      { constraint: "gpuModels", nodeCount: 1, soleCount: 1 },
      { constraint: "cpus", nodeCount: 1, soleCount: 0 },
      { constraint: "memory", nodeCount: 2, soleCount: 1 },
    ]);
  });

  test("tells a GPU that is too small from one that is held", () => {
    const scenario = new Scenario();
    helloWith(scenario, 1, { cpus: 8, gib: 64, models: ["L40S"] });
    helloWith(scenario, 2, { cpus: 8, gib: 64, models: ["A100"] });
    scenario.submit(aJob({ resources: { cpus: 0.1, memory: 1, gpus: { count: 0.5, model: "A100" } } }));
    expect(countsFor(scenario, { gpus: { count: 0.6, memory: ">=64GiB" } })).toEqual([
      { constraint: "gpuMemory", nodeCount: 1, soleCount: 1 },
      { constraint: "gpus", nodeCount: 1, soleCount: 1 },
    ]);
  });
});

const Fleet = fc.array(
  fc.record({
    cpus: fc.constantFrom(1, 4, 16),
    gib: fc.constantFrom(1, 16, 64),
    models: fc.array(fc.constantFrom("A100", "L40S"), { maxLength: 3 }),
    isCordoned: fc.boolean(),
  }),
  { minLength: 1, maxLength: 4 },
);
const Wish = fc.record({
  cpus: fc.constantFrom(1, 3, 8, 20),
  memory: fc.constantFrom(1, 8 * GIB, 32 * GIB, 100 * GIB),
  gpus: fc.record({
    count: fc.constantFrom(0.5, 1, 2, 4),
    model: fc.constantFrom("A100", "L40S", "H100"),
    memory: fc.constantFrom(1, 64 * GIB),
  }),
});
type Wish = typeof Wish extends fc.Arbitrary<infer T> ? T : never;

/** The wish as its owner would write it without what stands in the way. */
function without(constraint: Constraint, { cpus, memory, gpus }: Wish): Resources {
  const { model: _model, ...anyModel } = gpus;
  const { memory: _memory, ...anySize } = gpus;
  if (constraint === "cpus") return { cpus: 0, memory, gpus };
  if (constraint === "memory") return { cpus, memory: 0, gpus };
  if (constraint === "gpus") return { cpus, memory };
  return { cpus, memory, gpus: constraint === "gpuModels" ? anyModel : anySize };
}

test("a task starts once the constraint that alone stands in its way somewhere is gone, and else does not", () => {
  fc.assert(
    fc.property(Fleet, Wish, (nodes, wish) => {
      const arrange = (): Scenario => {
        const scenario = new Scenario();
        for (const [index, node] of nodes.entries()) {
          helloWith(scenario, index + 1, node);
          if (!node.isCordoned) continue;
          const word = { admin: "cordoned", reason: null, deadlineAfterMs: null, actor: "x" } as const;
          scenario.turn({ type: "setNodeAdmin", nodeId: nodeIdOf(index + 1), ...word });
        }
        return scenario;
      };
      const starts = (resources: Resources, uncordon = false): boolean => {
        const scenario = arrange();
        const jobId = scenario.submit(aJob({ resources }));
        const word = { admin: "schedulable", reason: null, deadlineAfterMs: null, actor: "x" } as const;
        for (const index of uncordon ? nodes.keys() : [])
          scenario.turn({ type: "setNodeAdmin", nodeId: nodeIdOf(index + 1), ...word });
        return scenario.task(jobId)?.state === "running";
      };
      fc.pre(!starts(wish));
      const counts = countsFor(arrange(), wish);
      const soleOf = (constraint: Constraint) =>
        counts.find((count) => count.constraint === constraint)?.soleCount ?? 0;
      for (const constraint of ["cpus", "memory"] as const)
        expect(soleOf(constraint) > 0, constraint).toBe(starts(without(constraint, wish)));
      for (const constraint of ["gpus", "gpuModels", "gpuMemory"] as const)
        if (soleOf(constraint) > 0) expect(starts(without(constraint, wish)), constraint).toBe(true);
      if (nodes.length === 1) expect(counts).not.toEqual([]);
      expect(soleOf("availability") > 0).toBe(starts(wish, true));
    }),
    { numRuns: 300 },
  );
});
