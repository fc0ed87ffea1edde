import type { Clock } from "@drover/shared/clock.ts";
import { DroverError } from "@drover/shared/errors.ts";
import type { AgentSession } from "./agent-session.ts";

/** Longer than an agent gives itself. */
const ANSWER_TIMEOUT_MS = 150_000;

interface Asked<Answer> {
  session: AgentSession;
  resolve(answer: Answer): void;
  reject(error: DroverError): void;
  cancel(): void;
}

/** What nodes were asked for somebody who waits for the answer. Nothing of it is stored. */
export class Questions<Answer> {
  readonly #clock: Clock;
  readonly #asked = new Map<number, Asked<Answer>>();
  #nextRequestId = 1;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Rejects with `node.noAnswer`, `node.notConnected`, or as it was answered. */
  ask(session: AgentSession, send: (requestId: number) => void): Promise<Answer> {
    const requestId = this.#nextRequestId++;
    return new Promise((resolve, reject) => {
      const cancel = this.#clock.callAfter(ANSWER_TIMEOUT_MS, () =>
        this.#take(requestId)?.reject(
          new DroverError("node.noAnswer", `${session.nodeId} did not answer in ${ANSWER_TIMEOUT_MS / 1000} s.`),
        ),
      );
      this.#asked.set(requestId, { session, resolve, reject, cancel });
      send(requestId);
    });
  }

  /** `answer` throws what the asker is to be told instead. */
  onAnswer(session: AgentSession, requestId: number, answer: () => Answer): void {
    // Of a number that was not this one's to answer nothing is believed.
    if (this.#asked.get(requestId)?.session !== session) return;
    const asked = this.#take(requestId);
    try {
      asked?.resolve(answer());
    } catch (error) {
      asked?.reject(error as DroverError);
    }
  }

  onClosed(session: AgentSession): void {
    for (const [requestId, asked] of this.#asked) {
      if (asked.session !== session) continue;
      const gone = new DroverError(
        "node.notConnected",
        `The connection of ${session.nodeId} closed while it was asked.`,
      );
      this.#take(requestId)?.reject(gone);
    }
  }

  #take(requestId: number): Asked<Answer> | undefined {
    const asked = this.#asked.get(requestId);
    asked?.cancel();
    this.#asked.delete(requestId);
    return asked;
  }
}
