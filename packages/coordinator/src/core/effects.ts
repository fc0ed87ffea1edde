import type { NodeId } from "@drover/shared/domain/ids.ts";
import type { FleetEvent } from "@drover/shared/events.ts";
import type { DesiredAttempt } from "@drover/shared/protocol/messages.ts";

/** What a turn wants to happen outside, collected in order; released only when the turn is durable. */
export class Effects {
  readonly events: FleetEvent[] = [];
  readonly #welcomes = new Map<number, DesiredAttempt[]>();
  readonly #desired = new Map<NodeId, DesiredAttempt[]>();
  readonly #closings: { sessionId: number; reason: string }[] = [];

  tell(event: FleetEvent): void {
    this.events.push(event);
  }

  /** The answer to a hello: everything that should be on the node. */
  welcome(sessionId: number, attempts: DesiredAttempt[]): void {
    this.#welcomes.set(sessionId, attempts);
  }

  /** One change of what should be on a node; a node that is not connected hears it in its welcome. */
  desire(nodeId: NodeId, attempt: DesiredAttempt): void {
    const changes = this.#desired.get(nodeId);
    if (changes) changes.push(attempt);
    else this.#desired.set(nodeId, [attempt]);
  }

  close(sessionId: number, reason: string): void {
    this.#closings.push({ sessionId, reason });
  }

  get welcomes(): ReadonlyMap<number, DesiredAttempt[]> {
    return this.#welcomes;
  }

  get desired(): ReadonlyMap<NodeId, DesiredAttempt[]> {
    return this.#desired;
  }

  get closings(): readonly { sessionId: number; reason: string }[] {
    return this.#closings;
  }
}
