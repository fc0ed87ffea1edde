import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { ATTEMPT_HEADER } from "@drover/shared/api/jobs.ts";
import { ERRORS, type ErrorCode } from "@drover/shared/error-codes.ts";

export interface FakeRequest {
  method: string;
  /** Without the query. */
  path: string;
  query: URLSearchParams;
  headers: IncomingMessage["headers"];
  body: unknown;
}

/** What one request is answered with; it may also answer on the raw response, in pieces of its own. */
export type Answer = (request: FakeRequest, response: ServerResponse) => void | Promise<void>;

/**
 * A real HTTP server in the coordinator's place. A test says how each path is answered; a path it did not
 * speak of is answered as by a coordinator that does not know it.
 */
export interface FakeCoordinator {
  url: string;
  requests: FakeRequest[];
  on(methodAndPath: string, answer: Answer): void;
  /** Nothing listens any more; open connections are cut. */
  kill(): Promise<void>;
  /** Listens again at the same address. */
  restart(): Promise<void>;
}

export async function startFakeCoordinator(): Promise<FakeCoordinator> {
  const answers = new Map<string, Answer>();
  const requests: FakeRequest[] = [];
  let server = await listen(0);
  const { port } = server.address() as AddressInfo;

  async function serve(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(incoming.url ?? "/", "http://fake");
    const method = incoming.method ?? "GET";
    let text = "";
    for await (const chunk of incoming) text += String(chunk);
    const body: unknown = text === "" ? undefined : JSON.parse(text);
    const request = { method, path: url.pathname, query: url.searchParams, headers: incoming.headers, body };
    requests.push(request);
    const answer = answers.get(`${method} ${url.pathname}`);
    if (answer) await answer(request, response);
    else sendProblem(response, "route.notFound", `There is no ${method} ${url.pathname}.`);
  }

  function listen(onPort: number): Promise<Server> {
    return new Promise((resolve) => {
      const listening = createServer((incoming, response) => void serve(incoming, response));
      listening.listen(onPort, "127.0.0.1", () => resolve(listening));
    });
  }

  return {
    url: `http://127.0.0.1:${port}`,
    requests,
    on: (methodAndPath, answer) => void answers.set(methodAndPath, answer),
    kill: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
    async restart() {
      server = await listen(port);
    },
  };
}

export function sendJson(response: ServerResponse, value: unknown, status = 200): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value));
}

export function sendProblem(response: ServerResponse, code: ErrorCode, detail: string): void {
  const { httpStatus, meaning, advice } = ERRORS[code];
  const problem = { type: `errors#${code}`, title: meaning, status: httpStatus, detail, code, advice };
  response.writeHead(httpStatus ?? 500, { "content-type": "application/problem+json" }).end(JSON.stringify(problem));
}

/** Begins an answer with output of `attempt`; the test goes on with `response.write` and `response.end`. */
export function beginOutput(response: ServerResponse, attempt: number, text: string): ServerResponse {
  response.writeHead(200, { "content-type": "text/plain", [ATTEMPT_HEADER]: String(attempt) });
  response.flushHeaders();
  if (text !== "") response.write(text);
  return response;
}
