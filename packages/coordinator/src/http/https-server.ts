import type { RequestListener, Server } from "node:http";
import { createServer } from "node:https";
import type { Socket } from "node:net";
import type { FastifyServerOptions } from "fastify";
import type { ServerTls } from "../tls/server-tls.ts";

/** What curl of any distribution that is still maintained speaks, and Node, and browsers. */
const MIN_TLS_VERSION = "TLSv1.2";
/** Fastify's own, which it gives to servers that it makes itself. */
const KEEP_ALIVE_MS = 72_000;

/** What Fastify listens with; without TLS it makes its own server. */
export function serverOptions(tls: ServerTls | null): Pick<FastifyServerOptions<Server>, "serverFactory"> {
  return tls === null ? {} : { serverFactory: (handler: RequestListener) => openHttpsServer(tls, handler) };
}

/** Connections that are open keep the certificate that they began with; a new one gets the present. */
function openHttpsServer(tls: ServerTls, handler: RequestListener): Server {
  // One version of HTTP: agents' WebSockets begin as HTTP/1.1.
  const options = { minVersion: MIN_TLS_VERSION, ALPNProtocols: ["http/1.1"] } as const;
  const server = createServer({ ...tls.context(), ...options }, handler);
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  server.requestTimeout = 0;
  closeHandshakesToo(server);
  const unwatch = tls.watch((context) => server.setSecureContext({ ...context, ...options }));
  server.once("close", unwatch);
  return server;
}

/** Node counts as connections only those whose handshake is over; the others would keep us from stopping for minutes. */
function closeHandshakesToo(server: Server): void {
  const sockets = new Set<Socket>();
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  server.closeAllConnections = () => {
    for (const socket of sockets) socket.destroy();
  };
}
