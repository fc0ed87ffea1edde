import type { Random } from "../../simulation/world/random.ts";
import { AGENT_NAMES, type AgentName, type DaemonName, type Fault } from "./fault.ts";

/** One fault of a lane: so long after the one before it was undone. */
export interface PlannedFault {
  afterMs: number;
  fault: Fault;
}

/** Faults that follow each other, because they act on the same thing. Lanes run side by side. */
export type Lane = readonly PlannedFault[];

/** Longer than a lease of the run, and than the agents' patience with a silent coordinator. */
const BEYOND_LEASE_MS = [3_500, 8_000] as const;
/**
 * Longer than the coordinator waits before it gives away what ran on a silent node (`lostAfterMs`, 23.3 s under
 * the run's lease).
 */
const BEYOND_LOSS_MS = [27_000, 40_000] as const;
/** A shorter run would be nothing but that. */
const MIN_RUN_FOR_LOSS_MS = 120_000;
const LOSS_CHANCE = 0.15;

/** Whether a run is long enough for nodes to be silent until they are given up. */
export function reachesLoss(durationMs: number): boolean {
  return durationMs >= MIN_RUN_FOR_LOSS_MS;
}

/** What is done to a fleet, fixed by the seed alone. */
export function planFaults(random: Random, durationMs: number): Lane[] {
  const withLoss = reachesLoss(durationMs);
  return [
    fillLane(durationMs, [1_500, 6_000], coordinatorDeck(random.fork(), withLoss)),
    ...AGENT_NAMES.map((name) => fillLane(durationMs, [2_000, 9_000], agentDeck(random.fork(), name, withLoss))),
    fillLane(durationMs, [1_000, 5_000], networkDeck(random.fork())),
    fillLane(durationMs, [3_000, 9_000], diskDeck(random.fork())),
  ];
}

/** Draws without end; each kind once in every round, so that a short run meets all of them. */
interface Deck {
  random: Random;
  deal: () => Fault[];
}

function fillLane(durationMs: number, [minGapMs, maxGapMs]: readonly [number, number], { random, deal }: Deck): Lane {
  const lane: PlannedFault[] = [];
  let elapsedMs = 0;
  for (;;) {
    for (const fault of deal()) {
      const afterMs = random.between(minGapMs, maxGapMs);
      elapsedMs += afterMs + fault.forMs;
      if (elapsedMs > durationMs) return lane;
      lane.push({ afterMs, fault });
    }
  }
}

function coordinatorDeck(random: Random, withLoss: boolean): Deck {
  const kill = (): Fault => ({ kind: "kill", daemon: "coordinator", forMs: within(random, [0, 2_000]) });
  const pause = (): Fault => ({ kind: "pause", daemon: "coordinator", forMs: within(random, BEYOND_LEASE_MS) });
  const copyAndRestore = (): Fault[] => [
    { kind: "copy", way: random.pick(["online", "stopped"]), forMs: 0 },
    ...shuffled(random, [kill(), { kind: "restore", forMs: 0 } as const]),
  ];
  // In this lane, because a coordinator that restarts or stalls meanwhile begins to count anew.
  const loss = (): Fault[] => (withLoss ? [longPartition(random)] : []);
  return { random, deal: () => shuffled(random, [[pause()], copyAndRestore(), loss()]).flat() };
}

function agentDeck(random: Random, daemon: AgentName, withLoss: boolean): Deck {
  const outage = (): number =>
    within(random, withLoss && random.chance(LOSS_CHANCE) ? BEYOND_LOSS_MS : BEYOND_LEASE_MS);
  return {
    random,
    deal: () =>
      shuffled<Fault>(random, [
        { kind: "kill", daemon, forMs: random.chance(0.5) ? within(random, [0, 1_500]) : outage() },
        { kind: "kill", daemon, forMs: within(random, [0, 500]) },
        { kind: "pause", daemon, forMs: outage() },
        { kind: "killLauncher", daemon, forMs: 0 },
        { kind: "killSupervisor", daemon, draw: random.fraction(), forMs: 0 },
      ]),
  };
}

function networkDeck(random: Random): Deck {
  const some = (): AgentName[] => shuffled(random, AGENT_NAMES).slice(0, random.between(1, AGENT_NAMES.length));
  const short = (): number => within(random, [500, 9_000]);
  return {
    random,
    deal: () =>
      shuffled<Fault>(random, [
        { kind: "partition", agents: some(), blocked: "both", forMs: short() },
        { kind: "partition", agents: some(), blocked: "toCoordinator", forMs: short() },
        { kind: "partition", agents: some(), blocked: "fromCoordinator", forMs: short() },
        { kind: "cut", agents: some(), forMs: within(random, [100, 3_000]) },
        { kind: "loss", agents: some(), percent: random.between(10, 60), forMs: short() },
      ]),
  };
}

function longPartition(random: Random): Fault {
  return {
    kind: "partition",
    agents: [random.pick(AGENT_NAMES)],
    blocked: random.pick(["both", "toCoordinator", "fromCoordinator"]),
    forMs: within(random, BEYOND_LOSS_MS),
  };
}

function diskDeck(random: Random): Deck {
  const fill = (daemon: DaemonName): Fault => ({ kind: "fillDisk", daemon, forMs: within(random, [1_000, 6_000]) });
  return {
    random,
    deal: () => shuffled(random, [fill("coordinator"), fill(random.pick(AGENT_NAMES)), fill(random.pick(AGENT_NAMES))]),
  };
}

function within(random: Random, [least, most]: readonly [number, number]): number {
  return random.between(least, most);
}

function shuffled<T>(random: Random, items: readonly T[]): T[] {
  const ranked = items.map((item) => ({ item, rank: random.fraction() }));
  return ranked.toSorted((a, b) => a.rank - b.rank).map(({ item }) => item);
}
