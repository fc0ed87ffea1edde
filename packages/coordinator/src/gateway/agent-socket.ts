/** One connection of an agent as the gateway sees it: a WebSocket, or what the simulator puts in its place. */
export interface AgentSocket {
  /** `onSent`: when it has left this process, or never will. */
  sendText(text: string, onSent?: () => void): void;
  /** Tells the peer why. One that does not answer is cut off after a while; `onClosed` follows either way. */
  close(reason: string): void;
}

/** What happens on it; never within a call of the socket itself. */
export interface AgentSocketEvents {
  onText(text: string): void;
  onBinary(frame: Uint8Array): void;
  /** What came is no frame at all, or too large. */
  onBroken(problem: string): void;
  /** Once, and the last. */
  onClosed(reason: string): void;
}
