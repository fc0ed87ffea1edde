import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { WebSocketServer, type ServerOptions, type WebSocket } from "ws";
import { MAX_TEXT_FRAME_BYTES } from "@drover/shared/protocol/messages.ts";
import type { AgentGateway } from "./agent-gateway.ts";

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

export function openWebSockets(gateway: AgentGateway): WebSockets {
  const server = new WebSocketServer(SERVER_OPTIONS);
  return {
    accept(request, socket, head) {
      const address = request.socket.remoteAddress ?? "unknown";
      server.handleUpgrade(request, socket, head, (webSocket) => connect(gateway, webSocket, address));
    },
    stop: () => server.close(),
  };
}

function connect(gateway: AgentGateway, webSocket: WebSocket, address: string): void {
  const socket = {
    sendText: (text: string) => webSocket.send(text),
    close: (reason: string) => webSocket.close(1000, reason),
  };
  const events = gateway.connect(socket, address);
  webSocket.on("message", (data: Buffer, isBinary) => {
    if (isBinary) events.onBinary(data);
    else events.onText(data.toString());
  });
  webSocket.on("error", (error) => events.onBroken(error.message));
  webSocket.on("close", (_code, reason) => events.onClosed(reason.toString()));
}
