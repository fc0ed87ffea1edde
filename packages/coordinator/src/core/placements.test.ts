import { beforeEach, describe, expect, it } from "vitest";
import type { PinnedSource, RevisionId } from "@drover/shared/domain/model.ts";
import type { DesiredPlacement } from "@drover/shared/domain/placement.ts";
import { aPlacementReport, nodeIdOf, Scenario } from "../testing/scenario.ts";

const GIB = 1024 ** 3;

let scenario: Scenario;
let revisionId: RevisionId;

beforeEach(() => {
  scenario = new Scenario();
  for (const number of [1, 2, 3]) scenario.hello(number, { placements: [] });
  revisionId = scenario.addModel("tiny", 10 * GIB);
});

function toldOf(number: number): DesiredPlacement["desired"] | undefined {
  return scenario.effects.desiredPlacements.get(nodeIdOf(number))?.find((one) => one.revisionId === revisionId)
    ?.desired;
}

function freeBytes(number: number, dataDiskFreeBytes: number): void {
  scenario.beat(number, { load: { ...loadOf(), dataDiskFreeBytes } });
}

function loadOf() {
  return {
    load1: 0,
    memoryAvailableBytes: 0,
    cpuUsedMilli: null,
    swapUsedBytes: null,
    pressure: null,
    rates: null,
    gpus: [],
  };
}

describe("placing a model", () => {
  it("tells the node, in the same turn, and nobody else", () => {
    expect(scenario.placeModel("tiny", "node2")).toEqual({ ok: true });
    expect([1, 2, 3].map(toldOf)).toEqual([undefined, "hold", undefined]);
    expect(scenario.eventsNamed("placement.wanted")).toMatchObject([{ nodeName: "node2", models: ["tiny"] }]);
  });

  it("chooses the nodes that have it, then those with the most room", () => {
    for (const [number, gib] of [
      [1, 20],
      [2, 30],
      [3, 40],
    ] as const)
      freeBytes(number, gib * GIB);
    scenario.placeModel("tiny", "node1");
    scenario.reportPlacement(1, revisionId);
    scenario.placeModel("tiny", "node*", { copies: 2 });
    expect([1, 2, 3].map((number) => scenario.placementState(number, revisionId))).toEqual(["ready", null, "wanted"]);
  });

  it("is refused with the arithmetic where too few nodes can take it", () => {
    freeBytes(1, 3 * GIB);
    scenario.hello(2, { placements: null }, 22);
    expect(scenario.placeModel("tiny", "node*", { copies: 2 })).toMatchObject({
      ok: false,
      code: "placement.noRoom",
      message:
        "tiny is to be on 2 and can be on 1: of 3 nodes, node1: it needs 10 GiB and has 3 GiB free; node2: its agent keeps no models.",
    });
    expect(scenario.placeModel("tiny", "gpu.count >= 1")).toMatchObject({
      message: expect.stringContaining("no node is of that kind"),
    });
    expect(scenario.placeModel("none", "node1")).toMatchObject({ code: "model.notFound" });
  });

  it("counts on no room that is promised to another, but for what of that is there already", () => {
    freeBytes(1, 25 * GIB);
    const [second, third] = [scenario.addModel("second", 20 * GIB), scenario.addModel("third", 10 * GIB)];
    scenario.placeModel("tiny", "node1");
    expect(scenario.placeModel("second", "node1")).toMatchObject({
      code: "placement.noRoom",
      message: expect.stringContaining("node1: it needs 20 GiB and has 15 GiB free"),
    });
    expect(scenario.placeModel("third", "node1")).toEqual({ ok: true });
    scenario.reportPlacement(1, revisionId, { state: "pulling", bytesDone: 5 * GIB });
    scenario.reportPlacement(1, third, { state: "ready", bytesDone: 10 * GIB });
    freeBytes(1, 25 * GIB);
    expect(scenario.placeModel("second", "node1")).toEqual({ ok: true });
    expect(scenario.placementState(1, second)).toBe("wanted");
  });

  it("is told anew where its source turns out to need a token", () => {
    scenario.placeModel("tiny", "node1");
    const revision = scenario.fleet.revisions.get(revisionId);
    const source = { ...revision?.source, needsToken: true } as PinnedSource;
    scenario.turn({
      type: "addModel",
      name: "tiny",
      reference: "hf://acme/tiny",
      include: [],
      exclude: [],
      resolved: { revisionId, source, files: [] },
      actor: "anna",
    });
    expect(scenario.effects.desiredPlacements.get(nodeIdOf(1))).toMatchObject([{ endpoint: null, source }]);
  });

  it("twice is once", () => {
    scenario.placeModel("tiny", "node1");
    scenario.placeModel("tiny", "node1");
    expect(scenario.eventsNamed("placement.wanted")).toHaveLength(1);
    expect(toldOf(1)).toBeUndefined();
  });

  it("that was never committed is not sent, and what was sent before is said again", () => {
    scenario.placeModel("tiny", "node1");
    const other = scenario.addModel("other");
    scenario.failingTurn({
      type: "placeModel",
      name: "other",
      selector: [],
      copies: 3,
      isPinned: false,
      actor: "anna",
    });
    expect(scenario.placementState(1, other)).toBeNull();
    scenario.turn({ type: "tick" });
    expect(toldOf(1)).toBe("hold");
  });
});

describe("what a node says of its models", () => {
  beforeEach(() => {
    scenario.placeModel("tiny", "node1");
  });

  it("is told of once for each change of state", () => {
    scenario.reportPlacement(1, revisionId, { state: "pulling", bytesDone: GIB, bytesPerSecond: 100 });
    scenario.reportPlacement(1, revisionId, { state: "pulling", bytesDone: 2 * GIB, bytesPerSecond: 100 });
    scenario.reportPlacement(1, revisionId, { state: "ready" });
    scenario.reportPlacement(1, revisionId, { state: "ready" });
    expect(scenario.events.map(({ event }) => event).filter((event) => event.startsWith("placement."))).toEqual([
      "placement.wanted",
      "placement.pulling",
      "placement.ready",
    ]);
  });

  it("is written down at most every half a minute, and only where it is much", () => {
    scenario.reportPlacement(1, revisionId, { state: "pulling" });
    const noted = () => scenario.fleet.placements.get(`${nodeIdOf(1)}/${revisionId}`)?.bytesDone;
    scenario.reportPlacement(1, revisionId, { state: "pulling", bytesDone: 2 * GIB });
    expect(noted()).toBe(0);
    scenario.pass(30_000);
    scenario.reportPlacement(1, revisionId, { state: "pulling", bytesDone: 3 * GIB });
    expect(noted()).toBe(3 * GIB);
    scenario.pass(60_000);
    scenario.reportPlacement(1, revisionId, { state: "pulling", bytesDone: 3 * GIB + 100 });
    expect(noted()).toBe(3 * GIB);
    expect(scenario.fleet.modelUse.progressOf(nodeIdOf(1), revisionId).bytesDone).toBe(3 * GIB + 100);
  });

  it("says why it failed and when it is tried again, each time that changes", () => {
    const problem = { code: "diskFull", message: "it needs 10 GiB" } as const;
    scenario.reportPlacement(1, revisionId, { state: "failed", problem, retryAtMs: scenario.now.wallMs + 60_000 });
    scenario.reportPlacement(1, revisionId, { state: "failed", problem, retryAtMs: scenario.now.wallMs + 60_000 });
    expect(scenario.eventsNamed("placement.failed")).toMatchObject([
      { code: "diskFull", reason: "it needs 10 GiB", retryAt: new Date(scenario.now.wallMs + 60_000).toISOString() },
    ]);
  });

  it("of another session, or of what nobody wants, changes nothing", () => {
    const reports = [aPlacementReport(revisionId)];
    scenario.turn({ type: "placementReports", sessionId: 99, nodeId: nodeIdOf(1), reports });
    expect(scenario.placementState(1, revisionId)).toBe("wanted");
    scenario.reportPlacement(2, revisionId, { state: "pulling" });
    expect(scenario.placementState(2, revisionId)).toBeNull();
  });
});

describe("a hello", () => {
  beforeEach(() => {
    scenario.placeModel("tiny", "node1");
    scenario.reportPlacement(1, revisionId);
    scenario.cut(1);
  });

  it("without what was ready wants it again: somebody wiped the disk", () => {
    scenario.hello(1, { placements: [] }, 11);
    expect(scenario.placementState(1, revisionId)).toBe("wanted");
    expect(toldOf(1)).toBe("hold");
    expect(scenario.eventsNamed("placement.wanted")).toHaveLength(2);
  });

  it("with what was ready changes nothing", () => {
    scenario.hello(1, { placements: [aPlacementReport(revisionId)] }, 11);
    expect(scenario.placementState(1, revisionId)).toBe("ready");
    expect(scenario.eventsNamed("placement.ready")).toHaveLength(1);
  });

  it("with what nobody knew to be there makes it known, as what may leave", () => {
    scenario.hello(2, { placements: [aPlacementReport(revisionId)] }, 22);
    expect(scenario.placementState(2, revisionId)).toBe("ready");
    expect(toldOf(2)).toBe("cache");
  });

  it("names what the coordinator has no notion of, and that is left alone", () => {
    scenario.hello(1, { placements: [aPlacementReport("f".repeat(32) as RevisionId)] }, 11);
    expect(scenario.effects.desiredPlacements.get(nodeIdOf(1))?.map((one) => one.revisionId)).toEqual([revisionId]);
  });

  it("tells a node that has nothing and is to have nothing just that, so that it may ask", () => {
    scenario.hello(3, { placements: [] }, 33);
    expect(scenario.effects.desiredPlacements.get(nodeIdOf(3))).toEqual([]);
  });

  it("of an agent that keeps no models is told nothing of any", () => {
    scenario.hello(1, { placements: null }, 11);
    expect(scenario.effects.desiredPlacements.size).toBe(0);
  });
});

describe("what is ready", () => {
  it("may leave where it is not pinned, and goes when the node says that it has", () => {
    scenario.placeModel("tiny", "node1");
    scenario.reportPlacement(1, revisionId);
    expect(toldOf(1)).toBe("cache");
    scenario.reportPlacement(1, revisionId, { state: "gone" });
    expect(scenario.placementState(1, revisionId)).toBeNull();
    expect(scenario.eventsNamed("placement.gone")).toHaveLength(1);
  });

  it("is wanted again where it was placed anew, or pinned, while it was leaving", () => {
    scenario.placeModel("tiny", "node1");
    scenario.reportPlacement(1, revisionId);
    const selector = [{ field: "name", operator: "=", value: "node1" }] as const;
    scenario.turn({ type: "unplaceModel", name: "tiny", selector, actor: "anna" });
    scenario.placeModel("tiny", "node1", { isPinned: true });
    scenario.reportPlacement(1, revisionId, { state: "gone", bytesDone: 0 });
    expect(scenario.placementState(1, revisionId)).toBe("wanted");
    scenario.reportPlacement(1, revisionId);
    scenario.reportPlacement(1, revisionId, { state: "gone", bytesDone: 0 });
    expect(scenario.placementState(1, revisionId)).toBe("wanted");
    expect(scenario.fleet.modelUse.placementsOn(nodeIdOf(1))).toMatchObject([{ isPinned: true, bytesDone: 0 }]);
  });

  it("stays where it is pinned, also later", () => {
    scenario.placeModel("tiny", "node1");
    scenario.reportPlacement(1, revisionId);
    scenario.placeModel("tiny", "node1", { isPinned: true });
    expect(toldOf(1)).toBe("hold");
  });

  it("is removed on an operator's word, over a reconnect, and may come back", () => {
    scenario.placeModel("tiny", "node1", { isPinned: true });
    scenario.reportPlacement(1, revisionId);
    const selector = [{ field: "name", operator: "=", value: "node1" }] as const;
    scenario.turn({ type: "unplaceModel", name: "tiny", selector, actor: "anna" });
    expect(toldOf(1)).toBe("evict");
    scenario.cut(1);
    scenario.hello(1, { placements: [aPlacementReport(revisionId)] }, 11);
    expect(toldOf(1)).toBe("evict");
    scenario.placeModel("tiny", "node1");
    expect(toldOf(1)).toBe("hold");
    scenario.turn({ type: "unplaceModel", name: "tiny", selector, actor: "anna" });
    scenario.reportPlacement(1, revisionId, { state: "gone" });
    expect(scenario.turn({ type: "unplaceModel", name: "tiny", selector, actor: "anna" })).toMatchObject([
      { code: "placement.notFound" },
    ]);
  });
});
