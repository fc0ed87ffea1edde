import fc from "fast-check";
import { expect, test } from "vitest";
import type { JobId } from "@drover/shared/domain/ids.ts";
import type { TaskRecord } from "../records.ts";
import { brokenInvariants } from "../../testing/fleet-invariants.ts";
import { aGpu, aHello, aJob, nodeIdOf, Scenario } from "../../testing/scenario.ts";

const GIB = 1024 ** 3;
const MODELS = ["A100-80GB", "L40S"] as const;

const Resources = fc.record({
  cpus: fc.constantFrom(0, 0.5, 1, 4),
  memory: fc.constantFrom(0, GIB),
  gpu: fc.constantFrom<object>(
    {},
    { gpus: 0.1 },
    { gpus: 0.5 },
    { gpus: 0.81 },
    { gpus: 1 },
    { gpus: 2 },
    { gpuMemory: "10GiB" },
    { gpus: { model: "A100" } },
    { gpus: { count: 0.4, model: "L40S" } },
    { gpus: { memory: ">=40GiB" } },
  ),
});

const Action = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      type: fc.constant("submit" as const),
      resources: Resources,
      size: fc.integer({ min: 1, max: 6 }),
      priority: fc.constantFrom(0, 0, 1, -1),
    }),
  },
  { weight: 3, arbitrary: fc.record({ type: fc.constant("end" as const), pick: fc.nat() }) },
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant("hello" as const),
      node: fc.integer({ min: 1, max: 5 }),
      models: fc.array(fc.constantFrom(...MODELS), { maxLength: 4 }),
    }),
  },
);
type Action = typeof Action extends fc.Arbitrary<infer T> ? T : never;

function apply(scenario: Scenario, action: Action): void {
  switch (action.type) {
    case "submit": {
      const { cpus, memory, gpu } = action.resources;
      scenario.submit(
        aJob({ resources: { cpus, memory, ...gpu }, array: { size: action.size }, priority: action.priority }),
      );
      return;
    }
    case "end": {
      const attempts = [...scenario.fleet.attempts.values()];
      const attempt = attempts[action.pick % (attempts.length || 1)];
      if (attempt) scenario.end(attempt);
      return;
    }
    case "hello": {
      // What it is it stays: a node that comes back with less may hold more than it has.
      if (scenario.fleet.nodes.get(nodeIdOf(action.node))) return;
      const gpus = action.models.map((modelName, index) =>
        aGpu(`GPU-${action.node}-${index}`, {
          model: modelName,
          modelName,
          memoryBytes: (modelName === "L40S" ? 48 : 80) * GIB,
        }),
      );
      const hello = aHello(action.node, { cpus: 8, gpus: gpus.length });
      scenario.hello(action.node, { hardware: { ...hello.hardware, gpus }, capacity: hello.capacity });
    }
  }
}

const Actions = fc.array(Action, { minLength: 5, maxLength: 60, size: "max" });

test("whatever comes and ends, nothing is promised twice, and nothing waits that would fit", () => {
  fc.assert(
    fc.property(Actions, (actions) => {
      const scenario = new Scenario();
      for (const action of actions) {
        apply(scenario, action);
        expect(brokenInvariants(scenario.fleet)).toEqual([]);
      }
    }),
    { numRuns: 150 },
  );
}, 20_000);

test("a whole GPU is never shared, and what names a model or a size of memory gets it", () => {
  fc.assert(
    fc.property(Actions, (actions) => {
      const scenario = new Scenario();
      for (const action of actions) apply(scenario, action);
      const attempts = [...scenario.fleet.attempts.values()];
      for (const { jobId, nodeId, allocation } of attempts) {
        const { gpuCount, gpuMilli, gpuModels, gpuMemoryBytes, gpuMemoryMinBytes } =
          scenario.fleet.jobs.get(jobId)!.spec.resources;
        expect(allocation.gpuIds).toHaveLength(gpuCount);
        if (gpuCount > 0 && gpuMemoryBytes === null) expect(allocation.gpuMilli).toBe(gpuMilli);
        for (const gpuId of allocation.gpuIds) {
          const holders = attempts.filter((other) => other.allocation.gpuIds.includes(gpuId));
          if (allocation.gpuMilli === 1000) expect(holders).toHaveLength(1);
          const gpu = scenario.fleet.nodes.get(nodeId)!.hardware.gpus.find(({ id }) => id === gpuId)!;
          if (gpuModels.length > 0) expect(gpuModels.some((model) => gpu.model.startsWith(model))).toBe(true);
          expect(gpu.memoryBytes).toBeGreaterThanOrEqual(gpuMemoryMinBytes);
          expect((allocation.gpuMilli * gpu.memoryBytes!) / 1000).toBeGreaterThanOrEqual(gpuMemoryBytes ?? 0);
        }
      }
    }),
    { numRuns: 150 },
  );
}, 20_000);

test("of tasks that ask for the same, those of the highest priority start first, and among them the earliest", () => {
  fc.assert(
    fc.property(Actions, (actions) => {
      const scenario = new Scenario();
      for (const action of actions) {
        const before = scenario.eventsNamed("attempt.assigned").length;
        apply(scenario, action);
        const tasks = [...scenario.fleet.tasks.values()];
        const rankOf = ({ jobId, index }: TaskRecord) => {
          const { priority } = scenario.fleet.jobs.get(jobId)!.spec;
          return -priority * 1e9 + jobId * 1e3 + index;
        };
        for (const { jobId, taskIndex } of scenario.eventsNamed("attempt.assigned").slice(before)) {
          const started = scenario.task(jobId as JobId, taskIndex)!;
          const passed = tasks.filter(
            (task) =>
              task.state === "queued" &&
              rankOf(task) < rankOf(started) &&
              JSON.stringify(task.request) === JSON.stringify(started.request),
          );
          expect(passed).toEqual([]);
        }
      }
    }),
    { numRuns: 150 },
  );
}, 20_000);

test("the same inputs are placed the same way", () => {
  fc.assert(
    fc.property(Actions, (actions) => {
      const [once, again] = [new Scenario(), new Scenario()];
      for (const action of actions) apply(once, action);
      for (const action of actions) apply(again, action);
      expect(again.events).toEqual(once.events);
    }),
    { numRuns: 50 },
  );
}, 20_000);
