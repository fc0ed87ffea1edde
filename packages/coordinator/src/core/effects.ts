import type { AttemptId, NodeId } from "@drover/shared/domain/ids.ts";
import type { DesiredPlacement } from "@drover/shared/domain/placement.ts";
import type { ErrorCode } from "@drover/shared/error-codes.ts";
import type { FleetEvent } from "@drover/shared/events.ts";
import type { DesiredAttempt, HeldDesire } from "@drover/shared/protocol/messages.ts";

/** What a turn wants to happen outside, collected in order; released only when the turn is durable. */
export class Effects {
  readonly events: FleetEvent[] = [];
  readonly #welcomes = new Map<number, HeldDesire[]>();
  readonly #desired = new Map<NodeId, DesiredAttempt[]>();
  readonly #desiredPlacements = new Map<NodeId, DesiredPlacement[]>();
  readonly #refusals: { sessionId: number; code: ErrorCode; detail: string }[] = [];
  readonly #closings: { sessionId: number; reason: string }[] = [];

  tell(event: FleetEvent): void {
    this.events.push(event);
  }

  /** The answer to a hello: what should become of all that the node has. */
  welcome(sessionId: number, attempts: HeldDesire[]): void {
    this.#welcomes.set(sessionId, attempts);
  }

  /** One change of what should be on a node; a node that is not connected hears it in its welcome. */
  desire(nodeId: NodeId, attempt: DesiredAttempt): void {
    const changes = this.#desired.get(nodeId);
    if (changes) changes.push(attempt);
    else this.#desired.set(nodeId, [attempt]);
  }

  /**
   * The attempt has ended in the same turn. Hellos that waited together for the disk are one turn: what the first of
   * them made start must not reach the machine that the second has found rebooted (simulation seed 1050630445).
   */
  withdrawRun(nodeId: NodeId, attemptId: AttemptId): void {
    const others = this.#desired.get(nodeId)?.filter((one) => one.desired !== "run" || one.attemptId !== attemptId);
    if (others) this.#desired.set(nodeId, others);
  }

  /** All that should become of models on a node. */
  desirePlacements(nodeId: NodeId, placements: DesiredPlacement[]): void {
    this.#desiredPlacements.set(nodeId, placements);
  }

  get desiredPlacements(): ReadonlyMap<NodeId, DesiredPlacement[]> {
    return this.#desiredPlacements;
  }

  close(sessionId: number, reason: string): void {
    this.#closings.push({ sessionId, reason });
  }

  /** The answer to a hello that may not be. */
  refuse(sessionId: number, code: ErrorCode, detail: string): void {
    this.#refusals.push({ sessionId, code, detail });
  }

  get refusals(): readonly { sessionId: number; code: ErrorCode; detail: string }[] {
    return this.#refusals;
  }

  get welcomes(): ReadonlyMap<number, HeldDesire[]> {
    return this.#welcomes;
  }

  get desired(): ReadonlyMap<NodeId, DesiredAttempt[]> {
    return this.#desired;
  }

  get closings(): readonly { sessionId: number; reason: string }[] {
    return this.#closings;
  }
}
