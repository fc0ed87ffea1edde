import type { CoordinatorOptions } from "./coordinator/coordinator-host.ts";
import { FAULT_KINDS, type FaultKind } from "./faults.ts";
import type { NodeMachineOptions } from "./node/node-machine.ts";
import type { Random } from "./world/random.ts";

const GIB = 1024 ** 3;
const MINUTE_MS = 60_000;

/** Everything that a seed decides before anything happens. */
export interface Plan {
  coordinator: CoordinatorOptions;
  nodes: NodeMachineOptions[];
  /** When each node's machine is first switched on. */
  bootAtMs: number[];
  latencyMs: number;
  taskCount: number;
  /** What operators do, per hour: cordon, drain and uncordon nodes. */
  operationsPerHour: number;
  /** When a node is copied with all that is on it, and the copy is started beside it. */
  cloneAtMs: number | null;
  /** The copy says that it is the same machine. It can only be told from it while the machine itself is heard. */
  isCloneTwin: boolean;
  /** When the last node breaks for good, and an operator says so. No job needs it. */
  destroyAtMs: number | null;
  /** How long work is submitted and faults are injected; then everything heals. */
  troubleMs: number;
  /** Faults of each kind per hour and thing that it may befall; 0 where the kind does not occur. */
  faultsPerHour: Readonly<Record<FaultKind, number>>;
}

export interface PlanLimits {
  nodes?: number | undefined;
  tasks?: number | undefined;
  /** Faults of these kinds only, and many of them. */
  storm?: readonly FaultKind[] | undefined;
}

export function drawPlan(random: Random, limits: PlanLimits = {}): Plan {
  const nodeCount = limits.nodes ?? drawNodeCount(random);
  const heartbeatIntervalMs = random.pick([1_000, 2_000, 5_000]);
  const pidCount = random.pick([24, 64, 4_000]);
  const sites = random.pick([[null], ["lab"], ["lab", "cloud"], ["lab", "lab", "cloud", null]]);
  const saysMachineId = random.chance(0.8);
  const faultsPerHour = limits.storm ? storm(limits.storm, random) : drawFaults(random);
  const isCalm = Object.values(faultsPerHour).every((rate) => rate === 0);
  // A large fleet goes through as much in less time.
  const troubleMs = (random.magnitude(0.5, 10) * MINUTE_MS) / Math.max(1, nodeCount / 6);
  return {
    coordinator: {
      settings: {
        leaseMs: heartbeatIntervalMs * random.pick([3, 6, 12, 60]),
        heartbeatIntervalMs,
        stopGraceMs: random.pick([1_000, 10_000]),
      },
      clockRate: drawClockRate(random),
      slowestOutputMs: random.pick([1, 20, 300, 3_000]),
    },
    nodes: Array.from({ length: nodeCount }, (_, index) => ({
      name: `node${index + 1}`,
      site: sites[index % sites.length] ?? null,
      machineId: saysMachineId ? `machine-${index + 1}` : null,
      protocolVersion: random.chance(0.15) ? 1 : 2,
      size: drawSize(random, index),
      clockRate: drawClockRate(random),
      wallOffsetMs: random.chance(0.1) ? random.between(-86_400_000, 86_400_000) : 0,
      pidCount,
    })),
    bootAtMs: Array.from({ length: nodeCount }, (_, index) =>
      index > 0 && random.chance(0.2) ? random.between(0, 5 * MINUTE_MS) : random.between(0, 3_000),
    ),
    latencyMs: random.magnitude(0.2, 300),
    taskCount: limits.tasks ?? Math.round(random.magnitude(3, 200)),
    operationsPerHour: random.chance(0.3) ? random.magnitude(2, 120) : 0,
    cloneAtMs: (saysMachineId || isCalm) && random.chance(isCalm ? 0.5 : 0.15) ? random.fraction() * troubleMs : null,
    isCloneTwin: isCalm && (!saysMachineId || random.chance(0.5)),
    destroyAtMs: nodeCount > 1 && random.chance(0.15) ? random.fraction() * troubleMs : null,
    troubleMs: Math.round(troubleMs),
    faultsPerHour,
  };
}

/** Small fleets show most, and are cheap; large ones show the rest. */
function drawNodeCount(random: Random): number {
  return random.chance(0.95) ? random.between(1, 6) : random.between(7, 50);
}

function drawSize(random: Random, index: number): NodeMachineOptions["size"] {
  const gpuCount = random.pick([0, 0, 1, 2, 8]);
  return {
    cpuMilli: random.pick([1, 2, 4, 8, 32]) * 1000,
    memoryBytes: random.pick([2, 4, 16, 64]) * GIB,
    gpuIds: Array.from({ length: gpuCount }, (_, gpu) => `GPU-${index + 1}-${gpu}`),
  };
}

/** Up to 1 % off either way (DESIGN §5, 2). */
function drawClockRate(random: Random): number {
  return random.chance(0.5) ? 1 : 1 + (random.fraction() - 0.5) * 0.02;
}

function drawFaults(random: Random): Record<FaultKind, number> {
  const weather = random.fraction();
  // Some seeds have none: what breaks without any fault is found there first.
  if (weather < 0.05) return storm([], random);
  // In most some of everything happens; in the others one to four kinds meet every moment of each other.
  if (weather < 0.7) return rates(FAULT_KINDS, () => (random.chance(0.35) ? random.magnitude(1, 120) : 0));
  return storm(
    Array.from({ length: random.between(1, 4) }, () => random.pick(FAULT_KINDS)),
    random,
  );
}

function storm(kinds: readonly FaultKind[], random: Random): Record<FaultKind, number> {
  return rates(FAULT_KINDS, (kind) => (kinds.includes(kind) ? random.magnitude(20, 600) : 0));
}

function rates(kinds: readonly FaultKind[], rateOf: (kind: FaultKind) => number): Record<FaultKind, number> {
  return Object.fromEntries(kinds.map((kind) => [kind, rateOf(kind)])) as Record<FaultKind, number>;
}
