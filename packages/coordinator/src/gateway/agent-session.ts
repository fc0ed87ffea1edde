import type { Clock } from "@drover/shared/clock.ts";
import type { AttemptId, NodeId } from "@drover/shared/domain/ids.ts";
import type { CoordinatorMessage } from "@drover/shared/protocol/messages.ts";
import type { AgentSocket } from "./agent-socket.ts";

/** One connection of an agent, from its upgrade to its close. */
export class AgentSession {
  readonly id: number;
  readonly address: string;
  readonly #socket: AgentSocket;
  readonly #clock: Clock;
  readonly #acks = new Map<AttemptId, number>();
  /** Set by the hello. */
  nodeId: NodeId | null = null;
  /** The attempts that the hello named: what the welcome states output offsets for. */
  reportedAttemptIds: readonly AttemptId[] = [];
  isClosed = false;

  constructor(id: number, address: string, socket: AgentSocket, clock: Clock) {
    this.id = id;
    this.address = address;
    this.#socket = socket;
    this.#clock = clock;
  }

  send(message: CoordinatorMessage): void {
    if (!this.isClosed) this.#socket.sendText(JSON.stringify(message));
  }

  /** Acknowledgements of one round of the event loop go out as one frame. */
  acknowledgeOutput(attemptId: AttemptId, offset: number): void {
    if (this.#acks.size === 0) this.#clock.callSoon(() => this.#flushAcks());
    this.#acks.set(attemptId, offset);
  }

  /** The peer is told why. */
  close(reason: string): void {
    this.#socket.close(reason.slice(0, 120));
  }

  #flushAcks(): void {
    const offsets = [...this.#acks].map(([attemptId, offset]) => ({ attemptId, offset }));
    this.#acks.clear();
    this.send({ type: "outputAck", offsets });
  }
}
