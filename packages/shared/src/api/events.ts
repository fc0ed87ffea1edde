import { z } from "zod";
import { QueryFlag } from "./query-flag.ts";

/** One event of the stream: the `data` of a server-sent event, whose `id` and `event` are the same. */
export const StoredEvent = z
  .looseObject({
    id: z.int().positive(),
    time: z.iso.datetime(),
    event: z.string(),
  })
  .meta({ id: "StoredEvent" });
export type StoredEvent = z.infer<typeof StoredEvent>;

export const EventsQuery = z.strictObject({
  since: z.coerce
    .number()
    .int()
    .nonnegative()
    .optional()
    .meta({ description: "Only events with a greater id; `Last-Event-ID` wins" }),
  follow: QueryFlag.meta({ description: "Keep the answer open and send events as they happen" }),
});
