import { tlsProblemOf } from "@drover/shared/client/tls-problem.ts";
import { ERRORS } from "@drover/shared/error-codes.ts";
import { MAX_TEXT_FRAME_BYTES } from "@drover/shared/protocol/messages.ts";
import WebSocket from "ws";

/** One connection to the coordinator. */
export interface LinkSocket {
  sendText(text: string): void;
  sendBinary(frame: Uint8Array, onFlushed: () => void): void;
  /** Taken by `send…` and not yet by the kernel. */
  bufferedBytes(): number;
  /** Says goodbye. */
  close(): void;
  /** Without waiting for anything: the other side may be long gone. */
  terminate(): void;
}

export interface LinkSocketEvents {
  onOpen(): void;
  onText(text: string): void;
  /** Any sign of life, the coordinator's pings too. */
  onHeard(): void;
  /** Once, after an open or instead of it. */
  onClosed(reason: string): void;
}

export type Dial = (url: string, events: LinkSocketEvents) => LinkSocket;

const HANDSHAKE_TIMEOUT_MS = 10_000;
const CLOSE_TIMEOUT_MS = 1_000;

/** Where agents connect, from the coordinator's address as people write it. */
export function agentEndpoint(coordinatorUrl: string): string {
  const url = new URL(coordinatorUrl);
  url.protocol = url.protocol === "https:" || url.protocol === "wss:" ? "wss:" : "ws:";
  url.pathname = `${url.pathname.replace(/\/+$/, "")}/v1/agent`;
  return url.href;
}

const SOCKET_OPTIONS: WebSocket.ClientOptions & { closeTimeout: number } = {
  handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
  maxPayload: MAX_TEXT_FRAME_BYTES,
  // A coordinator that does not answer to our goodbye must not keep us from stopping. (Not yet in the types.)
  closeTimeout: CLOSE_TIMEOUT_MS,
  perMessageDeflate: false,
  // Whatever NODE_TLS_REJECT_UNAUTHORIZED says: a node does what it is told, so it must know by whom.
  rejectUnauthorized: true,
  // Masking keeps scripts in browsers from feeding chosen bytes to proxies (RFC 6455 §10.3). A daemon is no
  // browser, and with a mask of zeros `ws` leaves out a pass over every byte of output, on both sides.
  generateMask: (mask) => void mask.fill(0),
};

/** `authorities`: whose certificates are taken, over TLS. */
export function dialWebSocket(authorities: string[]): Dial {
  return (url, events) => dial(url, events, authorities);
}

function dial(url: string, events: LinkSocketEvents, authorities: string[]): LinkSocket {
  const socket = new WebSocket(url, { ...SOCKET_OPTIONS, ca: authorities });
  let problem: string | null = null;
  socket.on("open", () => events.onOpen());
  socket.on("message", (data: Buffer, isBinary) => {
    events.onHeard();
    if (!isBinary) events.onText(data.toString("utf8"));
  });
  socket.on("ping", () => events.onHeard());
  socket.on("error", (error) => (problem = problemOf(error)));
  socket.on("close", (code, reason) => {
    events.onClosed(problem ?? (reason.length > 0 ? reason.toString("utf8") : `closed with code ${code}`));
  });
  return {
    sendText: (text) => socket.send(text),
    sendBinary: (frame, onFlushed) => socket.send(frame, onFlushed),
    bufferedBytes: () => socket.bufferedAmount,
    close: () => socket.close(1000, "the agent stops"),
    terminate: () => socket.terminate(),
  };
}

function problemOf(error: Error): string {
  const tlsProblem = tlsProblemOf(error);
  return tlsProblem === null ? error.message : `tls.untrusted: ${ERRORS["tls.untrusted"].meaning} (${tlsProblem})`;
}
