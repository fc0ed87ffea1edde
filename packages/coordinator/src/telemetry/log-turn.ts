import { EVENTS } from "@drover/shared/events.ts";
import type { CommittedTurn } from "../engine/engine.ts";
import type { Log } from "./log.ts";

/** One line per change of state, from the same events that the stream gives, under the same ids. */
export function logTurn(log: Log, { written }: CommittedTurn): void {
  for (const { id, event } of written.events) {
    const { event: name, ...fields } = event;
    const { level, text } = EVENTS[name];
    log[level]({ event: name, eventId: id, ...fields }, text);
  }
}
