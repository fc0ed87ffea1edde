import type { CoordinatorHost } from "./coordinator/coordinator-host.ts";
import type { AgentHost } from "./node/agent-host.ts";
import type { NodeMachine } from "./node/node-machine.ts";
import type { Random } from "./world/random.ts";
import type { Timeline } from "./world/timeline.ts";

const HOUR_MS = 3_600_000;
/** How long something stays broken: now and then longer than any lease. */
const SPELL_MS = [100, 600_000] as const;
const EFFECTS_UNTIL_DEATH = [1, 60] as const;
const OUTAGE_MS = [1_000, 300_000] as const;

export interface NodeRig {
  machine: NodeMachine;
  agent: AgentHost;
  /** Off for good. */
  isDestroyed: boolean;
}

/** What faults befall, and what times them. */
export interface World {
  nodes: readonly NodeRig[];
  coordinator: CoordinatorHost;
  timeline: Timeline;
  random: Random;
  /** Everything was healed: nothing breaks any more. */
  isHealed: boolean;
}

type NodeFault = (rig: NodeRig, world: World) => void;
type CoordinatorFault = (coordinator: CoordinatorHost, world: World) => void;

const spellMs = ({ random }: World): number => random.magnitude(...SPELL_MS);

/** Every fault that may befall a node. */
const NODE_FAULTS = {
  agentCrash: ({ agent }) => agent.crash(),
  /** Between two effects of one step: between the spool and the start, between the start and its record. */
  agentCrashMidway: ({ agent }, { random }) => agent.crashAfterEffects(random.between(...EFFECTS_UNTIL_DEATH)),
  agentRestart: ({ agent }) => agent.restartInOrder(),
  /** SIGSTOP, a machine that swaps, a disk that answers late. */
  agentSleep: ({ agent }, world) => agent.process?.sleep(spellMs(world)),
  /** A machine that swaps itself to death and drops off the network, in this order. */
  sleepThenPartition(rig, world) {
    const sleepMs = spellMs(world);
    rig.agent.process?.sleep(sleepMs);
    world.timeline.after(sleepMs + world.random.magnitude(1, 5_000), () => {
      if (!world.isHealed) partition([rig], ["up", "down"], world);
    });
  },
  slowDisk: ({ agent }, { random }) => agent.process?.sleep(random.magnitude(10, 5_000)),
  launcherKill: ({ agent }) => agent.killLauncher(),
  supervisorKill({ machine }, { random }) {
    if (machine.supervisors.size > 0) random.pick([...machine.supervisors]).kill();
  },
  forkFailures({ machine }, { random }) {
    machine.forkFailures = random.between(1, 5);
  },
  /** A machine that swaps: what it starts next comes to itself long after, perhaps behind its lease. */
  slowStarts({ machine }, { random }) {
    machine.slowStarts = random.between(1, 8);
  },
  readFailures({ machine }, { random }) {
    machine.readFailures = random.between(1, 8);
  },
  powerCut: (rig, world) => goDown(rig, world, false),
  reboot: (rig, world) => goDown(rig, world, true),
  diskFull({ machine: { disk } }, world) {
    disk.isFull = true;
    world.timeline.after(spellMs(world), () => (disk.isFull = false));
  },
  nodeWallJump: ({ machine }, { random }) => machine.clock.jumpWall(random.between(-5 * HOUR_MS, 5 * HOUR_MS)),
  latency({ machine: { path } }, world) {
    const before = path.latencyMs;
    path.latencyMs = world.random.magnitude(1, 5_000);
    world.timeline.after(spellMs(world), () => (path.latencyMs = Math.min(path.latencyMs, before)));
  },
  connectionReset: (rig) => resetConnections([rig]),
  /** The next connection's first frames come late, perhaps after those of the one that its agent makes instead. */
  stalledConnection(rig, { random }) {
    rig.machine.path.nextStallMs = random.between(5_000, 90_000);
    resetConnections([rig]);
  },
  halfOpen({ machine }, { random }) {
    for (const connection of machine.path.connections)
      connection.forget(random.pick([[], ...connection.ends.map((end) => [end])]));
  },
  partitionBothWays: (rig, world) => partition([rig], ["up", "down"], world),
  partitionOneWay: (rig, world) => partition([rig], [world.random.pick(["up", "down"] as const)], world),
} as const satisfies Record<string, NodeFault>;

/** Every fault that may befall the coordinator, or all nodes at once. */
const COORDINATOR_FAULTS = {
  coordinatorCrash: (coordinator) => coordinator.crash(false),
  /** Before, in and after a commit, and between the effects that it sets free. */
  coordinatorCrashMidway: (coordinator, { random }) =>
    coordinator.crashAfterEffects(random.between(...EFFECTS_UNTIL_DEATH)),
  coordinatorPowerCut: (coordinator) => coordinator.crash(true),
  coordinatorRestart: (coordinator) => coordinator.restartInOrder(),
  coordinatorSleep: (coordinator, world) => coordinator.process?.sleep(spellMs(world)),
  coordinatorWallJump: (coordinator, { random }) =>
    coordinator.clock.jumpWall(random.between(-5 * HOUR_MS, 5 * HOUR_MS)),
  storeFull: (coordinator, world) => breakStore(coordinator, "storage.full", world),
  storeFailed: (coordinator, world) => breakStore(coordinator, "storage.failed", world),
  /** A rack in trouble: nodes fall away, the disk fails, and what waits for it waits while the machine stands still. */
  storeBreaksThenSleep(coordinator, world) {
    const away = world.nodes.filter(() => world.random.chance(0.5));
    const untilSleepMs = world.random.magnitude(100, 2_000);
    partition(away, ["up", "down"], world);
    resetConnections(away);
    coordinator.health.problem = "storage.failed";
    world.timeline.after(untilSleepMs, () => {
      if (!world.isHealed) coordinator.process?.sleep(world.random.magnitude(5_000, 600_000));
      coordinator.health.problem = null;
    });
  },
  /** Half of a site is away; the rest connects anew to a coordinator that cannot write it down, and is cut off too. */
  storeBreaksThenSiteGone(coordinator, world) {
    const site = siteOfSome(world);
    const first = site.filter(() => world.random.chance(0.5));
    const others = site.filter((rig) => !first.includes(rig));
    partition(first, ["up", "down"], world);
    breakStore(coordinator, "storage.full", world);
    resetConnections(others);
    world.timeline.after(world.random.magnitude(1_000, 30_000), () => {
      if (!world.isHealed) partition(others, ["up", "down"], world);
    });
  },
  slowCommits({ health }, world) {
    health.commitMs = world.random.magnitude(1, 3_000);
    world.timeline.after(spellMs(world), () => (health.commitMs = 0));
  },
  outputDiskFull({ disk }, world) {
    disk.isFull = true;
    world.timeline.after(spellMs(world), () => (disk.isFull = false));
  },
  outputDiskBroken({ disk }, world) {
    disk.isBroken = true;
    world.timeline.after(world.random.magnitude(10, 60_000), () => (disk.isBroken = false));
  },
  /** A disk that fails for a moment, in a machine that falls over for it a little later. */
  outputDiskBrokenThenPowerCut(coordinator, world) {
    const brokenMs = world.random.magnitude(10, 60_000);
    coordinator.disk.isBroken = true;
    world.timeline.after(brokenMs, () => (coordinator.disk.isBroken = false));
    world.timeline.after(brokenMs + world.random.magnitude(100, 60_000), () => {
      if (!world.isHealed) coordinator.crash(true);
    });
  },
  partitionOfSome(_coordinator, world) {
    partition(
      world.nodes.filter(() => world.random.chance(0.6)),
      ["up", "down"],
      world,
    );
  },
  partitionOfSite(_coordinator, world) {
    partition(siteOfSome(world), ["up", "down"], world);
  },
} as const satisfies Record<string, CoordinatorFault>;

export type FaultKind = keyof typeof NODE_FAULTS | keyof typeof COORDINATOR_FAULTS;
export const FAULT_KINDS = [...Object.keys(NODE_FAULTS), ...Object.keys(COORDINATOR_FAULTS)] as FaultKind[];

/** Lets faults happen by chance, each at its rate, until the given time; counts them. */
export function injectFaults(
  world: World,
  faultsPerHour: Readonly<Record<FaultKind, number>>,
  untilMs: number,
  say: (kind: FaultKind, which: string) => void,
): void {
  const repeat = (kind: FaultKind, which: string, inject: () => void): void => {
    const rate = faultsPerHour[kind];
    if (rate === 0) return;
    world.timeline.after(world.random.waitMs(HOUR_MS / rate), () => {
      if (world.timeline.nowMs >= untilMs) return;
      say(kind, which);
      inject();
      repeat(kind, which, inject);
    });
  };
  for (const rig of world.nodes)
    for (const [kind, inject] of Object.entries<NodeFault>(NODE_FAULTS))
      repeat(kind as FaultKind, rig.machine.name, () => inject(rig, world));
  for (const [kind, inject] of Object.entries<CoordinatorFault>(COORDINATOR_FAULTS))
    repeat(kind as FaultKind, "coordinator", () => inject(world.coordinator, world));
}

/** Everything works again, and everybody who should run does. */
export function healEverything(world: World): void {
  const { nodes, coordinator } = world;
  world.isHealed = true;
  coordinator.health.problem = null;
  coordinator.health.commitMs = 0;
  coordinator.disk.isFull = false;
  coordinator.disk.isBroken = false;
  coordinator.process?.wakeNow();
  coordinator.start();
  for (const { machine, agent, isDestroyed } of nodes) {
    if (isDestroyed) continue;
    machine.forkFailures = 0;
    machine.readFailures = 0;
    machine.slowStarts = 0;
    machine.disk.isFull = false;
    machine.path.latencyMs = Math.min(machine.path.latencyMs, 100);
    if (!machine.isUp) machine.boot();
    machine.path.heal();
    agent.process?.wakeNow();
    agent.start();
  }
}

/** It goes down and never comes up again. */
export function destroy(rig: NodeRig): void {
  rig.isDestroyed = true;
  if (!rig.machine.isUp) return;
  rig.agent.vanish();
  rig.machine.goDown(false);
}

function goDown(rig: NodeRig, { timeline, random }: World, inOrder: boolean): void {
  const { machine, agent } = rig;
  if (!machine.isUp) return;
  agent.vanish();
  machine.goDown(inOrder);
  timeline.after(random.magnitude(...OUTAGE_MS), () => {
    if (machine.isUp || rig.isDestroyed) return;
    machine.boot();
    agent.start();
  });
}

/** Every node of one site. */
function siteOfSome({ nodes, random }: World): NodeRig[] {
  const { site } = random.pick(nodes).machine;
  return nodes.filter(({ machine }) => machine.site === site);
}

function resetConnections(rigs: readonly NodeRig[]): void {
  for (const { machine } of rigs) machine.path.connections.forEach((connection) => connection.reset());
}

function partition(rigs: readonly NodeRig[], directions: readonly ("up" | "down")[], world: World): void {
  for (const { machine } of rigs) for (const direction of directions) machine.path.cut(direction);
  world.timeline.after(spellMs(world), () => {
    for (const { machine } of rigs) if (machine.isUp) machine.path.heal();
  });
}

function breakStore({ health }: CoordinatorHost, problem: "storage.full" | "storage.failed", world: World): void {
  health.problem = problem;
  world.timeline.after(spellMs(world), () => (health.problem = null));
}
