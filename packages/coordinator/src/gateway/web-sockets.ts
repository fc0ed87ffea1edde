import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { WebSocketServer, type WebSocket } from "ws";
import { MAX_TEXT_FRAME_BYTES } from "@drover/shared/protocol/messages.ts";
import type { AgentGateway } from "./agent-gateway.ts";

/** The door for agents: takes an HTTP upgrade and hands the gateway a socket. */
export interface WebSockets {
  accept(request: IncomingMessage, socket: Duplex, head: Buffer): void;
  /** Takes no more. */
  stop(): void;
}

export function openWebSockets(gateway: AgentGateway): WebSockets {
  const server = new WebSocketServer({ noServer: true, perMessageDeflate: false, maxPayload: MAX_TEXT_FRAME_BYTES });
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
