import type { NodeCommand } from "@drover/coordinator/core/input.ts";
import type { NodeId } from "@drover/shared/domain/ids.ts";
import type { NodeRig, World } from "./faults.ts";

const HOUR_MS = 3_600_000;
const SAY_AGAIN_MS = 10_000;
const ACTOR = "operator";

/** People who cordon, drain and uncordon nodes, and who say it when a machine is gone for good. */
export class Operators {
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
  }

  operate(operationsPerHour: number, untilMs: number): void {
    const { timeline, random, nodes } = this.#world;
    if (operationsPerHour === 0) return;
    timeline.after(random.waitMs(HOUR_MS / operationsPerHour), () => {
      if (timeline.nowMs >= untilMs) return;
      const admin = random.pick(["schedulable", "schedulable", "cordoned", "draining"] as const);
      const deadlineAfterMs =
        admin === "draining" && random.chance(0.5) ? Math.round(random.magnitude(1, 120_000)) : null;
      const nodeId = this.#nodeIdOf(random.pick(nodes));
      if (nodeId !== null)
        this.#say({ type: "setNodeAdmin", nodeId, admin, reason: null, deadlineAfterMs, actor: ACTOR });
      this.operate(operationsPerHour, untilMs);
    });
  }

  /** Every node takes work again. */
  uncordonAll(): void {
    for (const rig of this.#world.nodes) {
      if (rig.isDestroyed) continue;
      this.#sayUntilHeard(rig, (nodeId) => ({
        type: "setNodeAdmin",
        nodeId,
        admin: "schedulable",
        reason: null,
        deadlineAfterMs: null,
        actor: ACTOR,
      }));
    }
  }

  /** True of the machine: whatever ran there will never write another byte. */
  declareGone(rig: NodeRig): void {
    this.#sayUntilHeard(rig, (nodeId) => ({ type: "declareNodeGone", nodeId, actor: ACTOR }));
  }

  #sayUntilHeard(rig: NodeRig, command: (nodeId: NodeId) => NodeCommand): void {
    const again = (): void => void this.#world.timeline.after(SAY_AGAIN_MS, () => this.#sayUntilHeard(rig, command));
    const nodeId = this.#nodeIdOf(rig);
    // It may be known later: from a hello that the coordinator's disk has kept waiting (simulation seed 1958296085).
    if (nodeId === null) return again();
    this.#say(command(nodeId), (isHeard) => (isHeard ? undefined : again()));
  }

  #say(command: NodeCommand, onAnswer: (isHeard: boolean) => void = () => {}): void {
    const { coordinator, timeline } = this.#world;
    let isAnswered = false;
    const answer = (isHeard: boolean): void => {
      if (isAnswered) return;
      isAnswered = true;
      onAnswer(isHeard);
    };
    timeline.after(SAY_AGAIN_MS, () => answer(false));
    coordinator.command(command, (result) => answer("ok" in result && result.ok));
  }

  #nodeIdOf({ machine }: NodeRig): NodeId | null {
    return this.#world.coordinator.nodeNamed(machine.name)?.id ?? null;
  }
}
