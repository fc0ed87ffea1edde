import { describe, expect, test } from "vitest";
import type { FleetEvent } from "@drover/shared/events.ts";

import { JobSubmission, toJobSpec } from "@drover/shared/domain/job.ts";
import { destroy, FAULT_KINDS, type FaultKind, type NodeRig } from "./faults.ts";
import { commandFor } from "./node/command.ts";
import { Simulation } from "./simulation.ts";

/**
 * DESIGN §6: the coordinator doubts itself first. Six nodes of two sites, a long task on each; then something that
 * is nobody's death. Not one task may be given to another node because of it, one line says what is frozen and why,
 * and everything resolves.
 */
const MINUTE_MS = 60_000;
const LEASE_MS = MINUTE_MS;
const NODE_COUNT = 6;
const TASK_MS = 40 * MINUTE_MS;

class Fleet {
  readonly simulation: Simulation;
  readonly events: FleetEvent[] = [];
  readonly logged: string[] = [];

  constructor() {
    const nothing = Object.fromEntries(FAULT_KINDS.map((kind) => [kind, 0])) as Record<FaultKind, number>;
    this.simulation = new Simulation(1, {
      plan: {
        coordinator: {
          settings: { leaseMs: LEASE_MS, heartbeatIntervalMs: 5_000, stopGraceMs: 10_000 },
          clockRate: 1,
          slowestOutputMs: 1,
        },
        nodes: Array.from({ length: NODE_COUNT }, (_, index) => ({
          name: `node${index + 1}`,
          site: index < 4 ? "lab" : "cloud",
          machineId: `machine-${index + 1}`,
          protocolVersion: 2 as const,
          size: { cpuMilli: 1_000, memoryBytes: 2 ** 30, gpuIds: [] },
          clockRate: 1,
          wallOffsetMs: 0,
          pidCount: 64,
        })),
        bootAtMs: Array.from({ length: NODE_COUNT }, () => 0),
        faultsPerHour: nothing,
        destroyAtMs: null,
        cloneAtMs: null,
      },
    });
    // Its faults are those of the test.
    this.simulation.observer.isCalm = false;
    this.simulation.observer.onEvent = (event) => this.events.push(event);
  }

  /** Everybody online, a task on each node, and one more that waits for room. */
  static async busy(onDisconnect: "restart" | "wait" = "restart"): Promise<Fleet> {
    const fleet = new Fleet();
    const { simulation } = fleet;
    simulation.switchOn();
    await simulation.until(20_000, () => fleet.onlineCount() === NODE_COUNT);
    fleet.submit(NODE_COUNT, TASK_MS, onDisconnect);
    await simulation.until(60_000, () => simulation.observer.startedCount === NODE_COUNT);
    expect(simulation.observer.startedCount).toBe(NODE_COUNT);
    return fleet;
  }

  get rigs(): readonly NodeRig[] {
    return this.simulation.world.nodes;
  }

  lab(): NodeRig[] {
    return this.rigs.slice(0, 4);
  }

  onlineCount(): number {
    const nodes = this.simulation.world.coordinator.control?.engine.fleet.nodes.values() ?? [];
    return [...nodes].filter(({ link }) => link === "online").length;
  }

  submit(size: number, durationMs: number, onDisconnect: "restart" | "wait"): void {
    const behaviour = {
      durationMs,
      exitCode: 0,
      failures: 0,
      outputLines: 3,
      lineBytes: 40,
      ignoresTerm: false,
      isMissing: false,
    };
    const resources = { cpus: 1, memory: "1MiB" };
    const job = { command: commandFor(behaviour), array: { size }, resources, onDisconnect };
    const spec = toJobSpec(JobSubmission.parse(job));
    this.simulation.world.coordinator.command({ type: "submitJob", spec, actor: "user", idempotency: null }, () => {});
  }

  async pass(durationMs: number): Promise<void> {
    await this.simulation.until(this.simulation.timeline.nowMs + durationMs);
    expect(this.simulation.observer.violation).toBeNull();
  }

  async untilOver(): Promise<void> {
    const { simulation } = this;
    await simulation.until(simulation.timeline.nowMs + 120 * MINUTE_MS, () => simulation.observer.liveTaskCount === 0);
    expect(simulation.observer.violation).toBeNull();
    expect(simulation.observer.liveTaskCount).toBe(0);
  }

  named<N extends FleetEvent["event"]>(name: N): Extract<FleetEvent, { event: N }>[] {
    return this.events.filter((event): event is Extract<FleetEvent, { event: N }> => event.event === name);
  }

  /** Whatever was taken from one node to be given to another. */
  givenAway(): string[] {
    return [...this.named("task.requeued"), ...this.named("node.lost")].map((event) => JSON.stringify(event));
  }
}

describe("when every node of a site vanishes for ten minutes", () => {
  test("the site is frozen in one line, nothing is given away, and all of it resolves when they return", async () => {
    const fleet = await Fleet.busy();
    for (const { machine } of fleet.lab()) for (const way of ["up", "down"] as const) machine.path.cut(way);
    await fleet.pass(10 * MINUTE_MS);
    expect(fleet.givenAway()).toEqual([]);
    const [frozen, ...more] = fleet.named("site.frozen");
    expect(more).toEqual([]);
    expect(frozen).toMatchObject({ site: "lab", away: 4, present: 0 });
    for (const { machine } of fleet.lab()) machine.path.heal();
    await fleet.pass(2 * MINUTE_MS);
    expect(fleet.named("site.thawed")).toHaveLength(1);
    expect(fleet.onlineCount()).toBe(NODE_COUNT);
    await fleet.untilOver();
    // What was fenced at the end of its lease is the node's own second attempt, begun when the node was back.
    expect(fleet.named("node.lost")).toEqual([]);
  });

  test("what waits for its node goes on all the time, as if nothing had been", async () => {
    const fleet = await Fleet.busy("wait");
    for (const { machine } of fleet.lab()) for (const way of ["up", "down"] as const) machine.path.cut(way);
    await fleet.pass(10 * MINUTE_MS);
    for (const { machine } of fleet.lab()) machine.path.heal();
    await fleet.untilOver();
    expect(fleet.givenAway()).toEqual([]);
    expect(fleet.simulation.observer.startedCount).toBe(NODE_COUNT);
  });

  test("an operator's word that the site is gone gives its tasks to the others", async () => {
    const fleet = await Fleet.busy("wait");
    for (const rig of fleet.lab()) destroy(rig);
    await fleet.pass(10 * MINUTE_MS);
    expect(fleet.givenAway()).toEqual([]);
    fleet.simulation.world.coordinator.command({ type: "declareSiteGone", site: "lab", actor: "ops" }, () => {});
    await fleet.untilOver();
    expect(fleet.named("node.lost")).toHaveLength(4);
    expect(fleet.named("job.ended")).toMatchObject([{ state: "succeeded", succeeded: NODE_COUNT }]);
  });
});

test("a single node that dies in a site that lives is given up, and its task goes on elsewhere", async () => {
  const fleet = await Fleet.busy();
  destroy(fleet.rigs[0] as NodeRig);
  await fleet.pass(5 * MINUTE_MS);
  expect(fleet.named("site.frozen")).toEqual([]);
  expect(fleet.named("node.lost")).toMatchObject([{ nodeName: "node1" }]);
  await fleet.untilOver();
});

test("a coordinator that stalls for longer than a lease gives nothing away, and says that it stalled", async () => {
  const fleet = await Fleet.busy("wait");
  fleet.simulation.world.coordinator.process?.sleep(3 * LEASE_MS);
  await fleet.pass(5 * LEASE_MS);
  expect(fleet.givenAway()).toEqual([]);
  expect(fleet.onlineCount()).toBe(NODE_COUNT);
  await fleet.untilOver();
  expect(fleet.givenAway()).toEqual([]);
  expect(fleet.simulation.observer.startedCount).toBe(NODE_COUNT);
});

test("a coordinator that restarts while half the fleet is away gives nothing away, and freezes what stays away", async () => {
  const fleet = await Fleet.busy();
  const half = fleet.rigs.slice(1, 4);
  for (const { machine } of half) for (const way of ["up", "down"] as const) machine.path.cut(way);
  await fleet.pass(10_000);
  fleet.simulation.world.coordinator.crash(false);
  await fleet.pass(8 * MINUTE_MS);
  expect(fleet.givenAway()).toEqual([]);
  expect(fleet.named("site.frozen").length).toBeGreaterThanOrEqual(1);
  for (const { machine } of half) machine.path.heal();
  await fleet.pass(2 * MINUTE_MS);
  expect(fleet.onlineCount()).toBe(NODE_COUNT);
  expect(fleet.named("node.lost")).toEqual([]);
  await fleet.untilOver();
});

test("jumps of every wall clock by hours end no lease and stop no task", async () => {
  const fleet = await Fleet.busy();
  const { coordinator } = fleet.simulation.world;
  for (const jumpMs of [7, -11, 5].map((hours) => hours * 60 * MINUTE_MS)) {
    coordinator.clock.jumpWall(jumpMs);
    for (const { machine } of fleet.rigs) machine.clock.jumpWall(-jumpMs);
    await fleet.pass(3 * MINUTE_MS);
  }
  expect(fleet.onlineCount()).toBe(NODE_COUNT);
  await fleet.untilOver();
  expect(fleet.givenAway()).toEqual([]);
  expect(fleet.simulation.observer.startedCount).toBe(NODE_COUNT);
});
