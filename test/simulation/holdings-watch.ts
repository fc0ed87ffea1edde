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
  /** Since when a node differs about an attempt, by node and attempt. */
  readonly #since = new Map<string, number>();
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
      const differing = new Set(this.#world.nodes.flatMap((rig) => this.#differencesOf(rig)));
      for (const key of this.#since.keys()) if (!differing.has(key)) this.#since.delete(key);
      this.#lookLater();
    });
  }

  #differencesOf({ machine, agent }: NodeRig): string[] {
    const { coordinator, timeline } = this.#world;
    const fleet = coordinator.control?.engine.fleet;
    const node = coordinator.nodeNamed(machine.name);
    const connection = [...machine.path.connections].find((one) => one.isQuiet);
    const isCalm =
      connection &&
      agent.process?.isAsleep === false &&
      coordinator.process?.isAsleep === false &&
      !machine.disk.isFull &&
      !coordinator.disk.isFull &&
      !coordinator.disk.isBroken &&
      coordinator.health.problem === null;
    if (!fleet || !node || node.link !== "online" || !isCalm) return [];
    const desired = new Set<string>(fleet.attemptsOn(node.id).map(({ id }) => id));
    const held = new Set<string>(machine.spooledAttemptIds().filter(isAttemptId));
    const differing = [...desired, ...held].filter((id) => desired.has(id) !== held.has(id));
    const patienceMs = this.#patienceMs(fleet.settings.stopGraceMs);
    return differing.map((attemptId) => {
      const key = `${machine.name} ${attemptId}`;
      const sinceMs = this.#since.get(key) ?? timeline.nowMs;
      this.#since.set(key, sinceMs);
      if (timeline.nowMs - sinceMs > patienceMs) {
        const settled = { desiredAttemptIds: [...desired], heldAttemptIds: [...held] };
        const observed = { name: machine.name, capacity: machine.size, allocations: [], settled };
        const [broken] = NODE_INVARIANTS.holdsWhatItShould(observed);
        this.#observer.fail(
          "holdsWhatItShould",
          `${machine.name} differs about ${attemptId} for ${patienceMs} ms: ${broken}`,
        );
      }
      return key;
    });
  }

  /** The grace of a stop, twice a sweep of the agent, and time for the news. */
  #patienceMs(stopGraceMs: number): number {
    return stopGraceMs + 30_000;
  }
}
