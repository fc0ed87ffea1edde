import type { Server } from "node:http";
import type { AgentGateway } from "../gateway/agent-gateway.ts";

const AGENT_PATH = "/v1/agent";

/** Hands agents' WebSockets to the gateway, and nobody else's. */
export function acceptUpgrades(server: Server, gateway: AgentGateway): void {
  server.on("upgrade", (request, socket, head) => {
    socket.on("error", () => socket.destroy());
    const { pathname } = new URL(request.url ?? "/", "http://coordinator");
    // Browsers send Origin with every WebSocket, and no agent does: no page may speak as a node.
    const refusal =
      pathname !== AGENT_PATH ? "404 Not Found" : request.headers.origin !== undefined ? "403 Forbidden" : null;
    if (refusal) socket.end(`HTTP/1.1 ${refusal}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`);
    else gateway.accept(request, socket, head);
  });
}
