import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { WebSocketServer, type ServerOptions, type WebSocket } from "ws";
import { MAX_TEXT_FRAME_BYTES } from "@drover/shared/protocol/messages.ts";
import type { AgentGateway } from "./agent-gateway.ts";
import type { ConnectionOrigin } from "./agent-session.ts";

/** An agent that does not answer to our goodbye must not keep us from stopping. */
const CLOSE_TIMEOUT_MS = 2_000;

const SERVER_OPTIONS: ServerOptions & { closeTimeout: number } = {
  noServer: true,
  perMessageDeflate: false,
  maxPayload: MAX_TEXT_FRAME_BYTES,
  // Not yet in the types.
  closeTimeout: CLOSE_TIMEOUT_MS,
};

/** The door for agents: takes an HTTP upgrade and hands the gateway a socket. */
export interface WebSockets {
  accept(request: IncomingMessage, socket: Duplex, head: Buffer): void;
  /** Takes no more. */
  stop(): void;
}

/** `letsLocalsIn`: agents of this machine need not have joined. */
export function openWebSockets(gateway: AgentGateway, letsLocalsIn: boolean): WebSockets {
  const server = new WebSocketServer(SERVER_OPTIONS);
  return {
    accept(request, socket, head) {
      const address = request.socket.remoteAddress ?? "unknown";
      const origin = { address, isLocal: letsLocalsIn && isFromHere(request) };
      server.handleUpgrade(request, socket, head, (webSocket) => connect(gateway, webSocket, origin));
    },
    stop: () => server.close(),
  };
}

/** What a proxy on this machine passes on comes from elsewhere, whatever its own address is. */
function isFromHere({ socket, headers }: IncomingMessage): boolean {
  const { remoteAddress = "" } = socket;
  const isLoopback = /^(::ffff:)?127\./.test(remoteAddress) || remoteAddress === "::1";
  return isLoopback && headers["x-forwarded-for"] === undefined && headers["forwarded"] === undefined;
}

function connect(gateway: AgentGateway, webSocket: WebSocket, origin: ConnectionOrigin): void {
  const socket = {
    sendText: (text: string, onSent?: () => void) => webSocket.send(text, () => onSent?.()),
    close: (reason: string) => webSocket.close(1000, reason),
  };
  const events = gateway.connect(socket, origin);
  webSocket.on("message", (data: Buffer, isBinary) => {
    if (isBinary) events.onBinary(data);
    else events.onText(data.toString());
  });
  webSocket.on("error", (error) => events.onBroken(error.message));
  webSocket.on("close", (_code, reason) => events.onClosed(reason.toString()));
}
