import { beforeEach, describe, expect, it } from "vitest";
import type { RevisionId } from "@drover/shared/domain/model.ts";
import { aJob, nodeIdOf, Scenario } from "../testing/scenario.ts";
import { whyJobWaits } from "./why-waiting.ts";

const GIB = 1024 ** 3;

let scenario: Scenario;
let revisionId: RevisionId;

beforeEach(() => {
  scenario = new Scenario();
  for (const number of [1, 2]) scenario.hello(number, { placements: [], cpus: 2 });
  revisionId = scenario.addModel("tiny", GIB);
});

function tick(): void {
  scenario.turn({ type: "tick" });
}

function states(): (string | null)[] {
  return [1, 2].map((number) => scenario.placementState(number, revisionId));
}

function whyWaits(jobId: Parameters<Scenario["task"]>[0]) {
  const job = scenario.fleet.jobs.get(jobId);
  return job && whyJobWaits(scenario.fleet, job, scenario.now.wallMs);
}

describe("a job that reads a model", () => {
  it("goes to a node that has it, though another has room", () => {
    scenario.placeModel("tiny", "node2");
    scenario.reportPlacement(2, revisionId);
    const jobId = scenario.submit(aJob({ models: ["tiny"] }));
    expect(scenario.attempt(jobId).nodeId).toBe(nodeIdOf(2));
  });

  it("waits for one that brings it, says how far that is, and starts when it is there", () => {
    const jobId = scenario.submit(aJob({ models: ["tiny"] }));
    expect(whyWaits(jobId)).toMatchObject({
      code: "awaitsModel",
      message: expect.stringContaining("tiny is on no node yet"),
    });
    tick();
    expect(states()).toEqual(["wanted", null]);
    scenario.reportPlacement(1, revisionId, { state: "pulling", bytesDone: GIB / 4, bytesPerSecond: GIB / 100 });
    expect(whyWaits(jobId)?.message).toContain("tiny is 25 % on node1, about 1m15s more");
    expect(whyWaits(jobId)?.constraints).toMatchObject([{ constraint: "models", nodeCount: 2, soleCount: 2 }]);
    scenario.reportPlacement(1, revisionId);
    expect(scenario.attempt(jobId).nodeId).toBe(nodeIdOf(1));
    expect(scenario.told(1)).toMatchObject([
      { desired: "run", assignment: { models: [{ name: "tiny", revisionId }] } },
    ]);
  });

  it("holds it until its attempt has ended, pinned or not", () => {
    scenario.placeModel("tiny", "node1");
    scenario.reportPlacement(1, revisionId);
    const desired = () => scenario.effects.desiredPlacements.get(nodeIdOf(1))?.[0]?.desired;
    expect(desired()).toBe("cache");
    const jobId = scenario.submit(aJob({ models: ["tiny"] }));
    expect(desired()).toBe("hold");
    const selector = [{ field: "name", operator: "=", value: "node1" }] as const;
    expect(scenario.turn({ type: "unplaceModel", name: "tiny", selector, actor: "anna" })).toMatchObject([
      { code: "placement.inUse" },
    ]);
    scenario.end(scenario.attempt(jobId));
    expect(desired()).toBe("cache");
  });

  it("reads what the name meant when it was accepted", () => {
    const jobId = scenario.submit(aJob({ models: ["tiny"], resources: { cpus: 99 } }));
    scenario.turn({ type: "removeModel", name: "tiny", actor: "anna" });
    expect(scenario.fleet.jobs.get(jobId)?.spec.resources.models).toEqual([{ name: "tiny", revisionId }]);
  });

  it("is refused where a name means nothing", () => {
    expect(() => scenario.submit(aJob({ models: ["none"] }))).toThrowError("model.notFound");
  });

  it("is not given to a node that loses it before", () => {
    scenario.placeModel("tiny", "node1");
    scenario.reportPlacement(1, revisionId);
    scenario.cut(1);
    scenario.hello(1, { placements: [], cpus: 2 }, 11);
    const jobId = scenario.submit(aJob({ models: ["tiny"] }));
    expect(scenario.task(jobId)?.state).toBe("queued");
  });
});

describe("bringing what waiting tasks lack", () => {
  it("is one pull, however many tasks wait", () => {
    scenario.submit(aJob({ models: ["tiny"], array: { size: 50 } }));
    for (let count = 0; count < 3; count++) tick();
    expect(states()).toEqual(["wanted", null]);
  });

  it("goes on to another node when all that have it are busy", () => {
    scenario.submit(aJob({ models: ["tiny"], array: { size: 3 } }));
    tick();
    scenario.reportPlacement(1, revisionId);
    tick();
    expect(states()).toEqual(["ready", "wanted"]);
  });

  it("chooses the node that would have it first, by what was seen of each", () => {
    const other = scenario.addModel("other", GIB);
    scenario.placeModel("other", "node*", { copies: 2 });
    for (const [number, bytesPerSecond] of [
      [1, 1000],
      [2, GIB],
    ] as const)
      scenario.reportPlacement(number, other, { state: "pulling", bytesPerSecond });
    scenario.submit(aJob({ models: ["tiny"] }));
    tick();
    expect(states()).toEqual([null, "wanted"]);
  });

  it("tries another node where it failed", () => {
    scenario.submit(aJob({ models: ["tiny"] }));
    tick();
    const problem = { code: "diskFull", message: "full" } as const;
    scenario.reportPlacement(1, revisionId, { state: "failed", problem, retryAtMs: scenario.now.wallMs + 60_000 });
    tick();
    expect(states()).toEqual(["failed", "wanted"]);
  });

  it("asks no node whose agent keeps no models, or that is too small for the task", () => {
    scenario.hello(1, { placements: null, cpus: 2 }, 11);
    scenario.hello(2, { placements: [], cpus: 1 }, 22);
    scenario.submit(aJob({ models: ["tiny"], resources: { cpus: 2 } }));
    tick();
    expect(states()).toEqual([null, null]);
  });

  it("keeps no node for a task whose model is not there: others go first", () => {
    scenario.submit(aJob({ models: ["tiny"], resources: { cpus: 2 }, priority: 9 }));
    const later = scenario.submit(aJob({ resources: { cpus: 2 } }));
    expect(scenario.task(later)?.state).toBe("running");
  });
});
