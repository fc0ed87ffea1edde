import type { ServerResponse } from "node:http";
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";
import { EventsQuery } from "@drover/shared/api/events.ts";
import type { Clock } from "@drover/shared/clock.ts";
import type { Signals } from "../../engine/signals.ts";
import type { EventRow, History } from "../../store/read-history.ts";
import { timestamp } from "../views.ts";

export interface EventRoutesOptions {
  history: History;
  /** Signals `"events"` after each commit that wrote some. */
  eventSignals: Signals<"events">;
  clock: Clock;
}

const EVENTS_PER_READ = 500;
/** Proxies close streams that are silent for long; 15 s is below every default we know of. */
const KEEP_ALIVE_MS = 15_000;

export const eventRoutes: FastifyPluginAsyncZod<EventRoutesOptions> = async (app, { history, eventSignals, clock }) => {
  app.get(
    "/v1/events",
    {
      schema: {
        summary: "The fleet's events, oldest first, as server-sent events",
        description:
          "Without `since` or `Last-Event-ID`: everything stored, or with `follow` only what happens from now on. See docs/events.md.",
        querystring: EventsQuery,
        headers: z.looseObject({ "last-event-id": z.coerce.number().int().nonnegative().optional() }),
        produces: ["text/event-stream"],
        response: { 200: z.string() },
      },
    },
    async (request, reply) => {
      const { since, follow } = request.query;
      const afterId = request.headers["last-event-id"] ?? since ?? (follow ? history.lastEventId() : 0);
      reply.hijack();
      reply.raw.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
      reply.raw.flushHeaders();
      await streamEvents(reply.raw, afterId, follow);
    },
  );

  /** Reads from the store at the client's own speed: a slow client costs no memory and misses nothing. */
  async function streamEvents(response: ServerResponse, afterId: number, follow: boolean): Promise<void> {
    let wake = (): void => {};
    const silence = eventSignals.listen("events", () => wake());
    response.once("close", () => wake());
    try {
      let lastId = afterId;
      while (!response.destroyed) {
        const woken = new Promise<void>((resolve) => (wake = resolve));
        const rows = history.events(lastId, EVENTS_PER_READ);
        lastId = rows.at(-1)?.id ?? lastId;
        if (rows.length > 0) await send(response, rows.map(eventText).join(""));
        if (rows.length === EVENTS_PER_READ) continue;
        if (!follow) break;
        const cancelKeepAlive = clock.callAfter(KEEP_ALIVE_MS, () => {
          response.write(": keep-alive\n\n");
          wake();
        });
        await woken;
        cancelKeepAlive();
      }
    } finally {
      silence();
      response.end();
    }
  }
};

function eventText(row: EventRow): string {
  const data = `{"id":${row.id},"time":"${timestamp(row.atMs)}","event":"${row.event}",${row.fields.slice(1)}`;
  return `id: ${row.id}\nevent: ${row.event}\ndata: ${data}\n\n`;
}

function send(response: ServerResponse, text: string): Promise<void> {
  return new Promise((resolve) => {
    if (response.destroyed) resolve();
    else response.write(text, () => resolve());
  });
}
