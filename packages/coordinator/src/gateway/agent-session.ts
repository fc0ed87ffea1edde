import type { Clock } from "@drover/shared/clock.ts";
import type { AttemptId, NodeId } from "@drover/shared/domain/ids.ts";
import type { CoordinatorMessage } from "@drover/shared/protocol/messages.ts";
import type { AgentSocket } from "./agent-socket.ts";

export interface ConnectionOrigin {
  readonly address: string;
  readonly isLocal: boolean;
}

/** One connection of an agent, from its upgrade to its close. */
export class AgentSession {
  readonly id: number;
  readonly address: string;
  readonly #socket: AgentSocket;
  readonly #clock: Clock;
  readonly #acks = new Map<AttemptId, number>();
  /** What the node is to sign: of this connection alone. */
  readonly nonce: string;
  /** It comes from this machine, where a node need not have joined. */
  readonly isLocal: boolean;
  /** Set by the hello. */
  nodeId: NodeId | null = null;
  /** The attempts that the hello named: what the welcome states output offsets for. */
  reportedAttemptIds: readonly AttemptId[] = [];
  /** It was refused, or dropped: nothing that still comes on it is taken. */
  isOver = false;
  isClosed = false;

  constructor(id: number, origin: ConnectionOrigin, nonce: string, socket: AgentSocket, clock: Clock) {
    this.id = id;
    this.address = origin.address;
    this.isLocal = origin.isLocal;
    this.nonce = nonce;
    this.#socket = socket;
    this.#clock = clock;
  }

  send(message: CoordinatorMessage, onSent?: () => void): void {
    if (this.isClosed) onSent?.();
    else this.#socket.sendText(JSON.stringify(message), onSent);
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
