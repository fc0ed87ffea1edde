import type { IncomingMessage, Server } from "node:http";
import type { WebSockets } from "../gateway/web-sockets.ts";
import type { AnswersTo } from "./loopback.ts";

const AGENT_PATH = "/v1/agent";

/** Lets agents' WebSockets in, and nobody else's. */
export function acceptUpgrades(server: Server, webSockets: WebSockets, answersTo: AnswersTo): void {
  server.on("upgrade", (request, socket, head) => {
    socket.on("error", () => socket.destroy());
    const refusal = refusalOf(request, answersTo);
    if (refusal) socket.end(`HTTP/1.1 ${refusal}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`);
    else webSockets.accept(request, socket, head);
  });
}

/** Compared as text: what a stranger puts there need not be a URL at all. */
function refusalOf({ url, headers }: IncomingMessage, answersTo: AnswersTo): string | null {
  // Browsers send Origin with every WebSocket, and no agent does: no page may speak as a node.
  if (headers.origin !== undefined || !answersTo(hostnameOf(headers.host ?? ""))) return "403 Forbidden";
  return url?.split("?")[0] === AGENT_PATH ? null : "404 Not Found";
}

/** `127.0.0.1:7070` → `127.0.0.1`, `[::1]:7070` → `[::1]`. */
function hostnameOf(host: string): string {
  return host.replace(/:\d+$/, "");
}
