import type { Clock } from "@drover/shared/clock.ts";
import type { Diagnosis } from "@drover/shared/domain/diagnosis.ts";
import { DroverError } from "@drover/shared/errors.ts";
import type { DiagnosisMade } from "@drover/shared/protocol/messages.ts";
import type { AgentSession } from "./agent-session.ts";

/** Longer than an agent gives itself. */
const ANSWER_TIMEOUT_MS = 150_000;

interface Asked {
  session: AgentSession;
  resolve(diagnosis: Diagnosis): void;
  reject(error: DroverError): void;
  cancel(): void;
}

/** Nodes that are looking at themselves for somebody who waits for the answer. Nothing of it is stored. */
export class Diagnoses {
  readonly #clock: Clock;
  readonly #asked = new Map<number, Asked>();
  #nextRequestId = 1;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Rejects with `node.noAnswer`, `node.notConnected` or `node.diagnosisFailed`. */
  ask(session: AgentSession, burn: boolean): Promise<Diagnosis> {
    const requestId = this.#nextRequestId++;
    return new Promise((resolve, reject) => {
      const cancel = this.#clock.callAfter(ANSWER_TIMEOUT_MS, () =>
        this.#take(requestId)?.reject(
          new DroverError("node.noAnswer", `${session.nodeId} did not answer in ${ANSWER_TIMEOUT_MS / 1000} s.`),
        ),
      );
      this.#asked.set(requestId, { session, resolve, reject, cancel });
      session.send({ type: "diagnose", requestId, burn });
    });
  }

  onAnswer(session: AgentSession, { requestId, diagnosis, problem }: DiagnosisMade): void {
    // Of a number that was not this one's to answer nothing is believed.
    if (this.#asked.get(requestId)?.session !== session) return;
    const asked = this.#take(requestId);
    if (diagnosis !== null) asked?.resolve(diagnosis);
    else
      asked?.reject(
        new DroverError(
          "node.diagnosisFailed",
          `${session.nodeId} could not look at itself: ${problem ?? "no reason"}.`,
        ),
      );
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

  #take(requestId: number): Asked | undefined {
    const asked = this.#asked.get(requestId);
    asked?.cancel();
    this.#asked.delete(requestId);
    return asked;
  }
}
