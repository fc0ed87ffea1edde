import type { StoredEvent } from "@drover/shared/api/events.ts";
import type { DroverClient } from "@drover/shared/client/client.ts";
import { CannotStart } from "./cannot-start.ts";

/** The fleet's events in their order, each seen once, from the moment of `fromNow` on. */
export class EventReader {
  readonly #events: AsyncIterator<StoredEvent>;

  constructor(events: AsyncIterable<StoredEvent>) {
    this.#events = events[Symbol.asyncIterator]();
  }

  static async fromNow(client: DroverClient, signal: AbortSignal): Promise<EventReader> {
    let since = 0;
    for await (const { id } of client.readEvents({ since: 0, signal })) since = id;
    return new EventReader(client.readEvents({ since, follow: true, signal }));
  }

  /** Shows every event up to the first that `isLast` says yes to, and resolves to that one. */
  async until(
    isLast: (event: StoredEvent) => boolean,
    show: (event: StoredEvent) => void = () => {},
  ): Promise<StoredEvent> {
    for (;;) {
      const { value: event, done } = await this.#events.next();
      if (done) throw new CannotStart("the coordinator ended its event stream; see its log in .drover/logs");
      show(event);
      if (isLast(event)) return event;
    }
  }
}
