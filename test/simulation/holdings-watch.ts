import { NODE_INVARIANTS } from "../invariants/invariants.ts";
import type { NodeRig, World } from "./faults.ts";
import type { Observer } from "./observer.ts";
import { isAttemptId } from "./observer.ts";

const LOOK_EVERY_MS = 5_000;

/**
 * Invariant 10 while work goes on: what a node holds and what the coordinator says it should hold may differ for as
 * long as news is under way or a stop takes its time, and no longer.
 */
export class HoldingsWatch {
  readonly #world: World;
  readonly #observer: Observer;
  /** For how long a node has differed about an attempt while nothing was under way, by node and attempt. */
  readonly #differedMs = new Map<string, number>();
  #cancelNext: () => void = () => {};

  constructor(world: World, observer: Observer) {
    this.#world = world;
    this.#observer = observer;
    this.#lookLater();
  }

  stop(): void {
    this.#cancelNext();
  }

  #lookLater(): void {
    this.#cancelNext = this.#world.timeline.after(LOOK_EVERY_MS, () => {
      for (const rig of this.#world.nodes) this.#lookAt(rig);
      this.#lookLater();
    });
  }

  #lookAt(rig: NodeRig): void {
    const { machine } = rig;
    const { coordinator } = this.#world;
    const fleet = coordinator.control?.engine.fleet;
    const node = coordinator.nodeNamed(machine.name);
    if (!fleet || !node || node.link !== "online" || !this.#isCalm(rig)) return;
    const desired = new Set<string>(fleet.attemptsOn(node.id).map(({ id }) => id));
    const held = new Set<string>(machine.spooledAttemptIds().filter(isAttemptId));
    const differing = [...desired, ...held].filter((id) => desired.has(id) !== held.has(id) || isOrphaned(machine, id));
    const patienceMs = this.#patienceMs(fleet.settings.stopGraceMs);
    const prefix = `${machine.name} `;
    for (const key of this.#differedMs.keys())
      if (key.startsWith(prefix) && !differing.includes(key.slice(prefix.length))) this.#differedMs.delete(key);
    for (const attemptId of differing) {
      const differedMs = (this.#differedMs.get(prefix + attemptId) ?? -LOOK_EVERY_MS) + LOOK_EVERY_MS;
      this.#differedMs.set(prefix + attemptId, differedMs);
      if (differedMs <= patienceMs) continue;
      const settled = { desiredAttemptIds: [...desired], heldAttemptIds: [...held] };
      const observed = { name: machine.name, capacity: machine.size, allocations: [], settled };
      const [broken] = NODE_INVARIANTS.holdsWhatItShould(observed);
      this.#observer.fail(
        "holdsWhatItShould",
        `${machine.name} differs about ${attemptId} for ${patienceMs} ms: ${broken ?? "its supervisor is gone"}`,
      );
    }
  }

  /** Nothing is under way to it, and it can do whatever it is told. */
  #isCalm({ machine, agent }: NodeRig): boolean {
    const { coordinator } = this.#world;
    return (
      [...machine.path.connections].some((connection) => connection.isQuiet) &&
      agent.process?.isAsleep === false &&
      coordinator.process?.isAsleep === false &&
      machine.readFailures === 0 &&
      !machine.disk.isFull &&
      !coordinator.disk.isFull &&
      !coordinator.disk.isBroken &&
      coordinator.health.problem === null
    );
  }

  /** The grace of a stop, twice a sweep of the agent, and time for the news. */
  #patienceMs(stopGraceMs: number): number {
    return stopGraceMs + 30_000;
  }
}

/** Its supervisor is gone and has not said how it ended: its agent has to notice. */
function isOrphaned(machine: NodeRig["machine"], attemptId: string): boolean {
  const directory = machine.attemptDirectory(attemptId);
  const isClaimed = machine.disk.exists(`${directory}/claim`) && !machine.disk.exists(`${directory}/exit`);
  return isClaimed && ![...machine.supervisors].some((supervisor) => supervisor.attemptId === attemptId);
}
