import type { AgentMessage, Welcome } from "@drover/shared/protocol/messages.ts";
import type { LinkSocket } from "./socket.ts";

/** What one connection knows; the next one starts anew. */
export interface Session {
  socket: LinkSocket;
  welcome: Welcome | null;
  hasSaidHello: boolean;
  helloSentAtMs: number;
  /** Of the node's state that was said last on this connection. */
  saidRevision: number;
  heardAtMs: number;
  nextSequence: number;
  /** When each heartbeat was sent that is not acknowledged, by sequence, oldest first. */
  unacknowledged: Map<number, number>;
  cancelTimer: (() => void) | null;
  retryAfterMs: number | null;
  hangUpReason: string | null;
  /** The coordinator knows of models. */
  speaksOfModels: boolean;
}

export function newSession(socket: LinkSocket): Session {
  return {
    socket,
    welcome: null,
    hasSaidHello: false,
    helloSentAtMs: 0,
    saidRevision: -1,
    heardAtMs: 0,
    nextSequence: 0,
    unacknowledged: new Map(),
    cancelTimer: null,
    retryAfterMs: null,
    hangUpReason: null,
    speaksOfModels: false,
  };
}

export function send(session: Session, message: AgentMessage): void {
  session.socket.sendText(JSON.stringify(message));
}

/** Without a close handshake: whoever is hung up on may not be there. */
export function hangUp(session: Session, reason: string): void {
  session.hangUpReason = reason;
  session.socket.terminate();
}
