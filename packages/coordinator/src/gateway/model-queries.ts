import type { NodeId } from "@drover/shared/domain/ids.ts";
import { Permits } from "@drover/shared/permits.ts";
import type { ModelAnswer, ModelQuery } from "@drover/shared/protocol/messages.ts";
import type { Log } from "../telemetry/log.ts";
import type { AgentSession } from "./agent-session.ts";

/** What a node asks in order to bring a model. */
export type AnswerModelQuery = (nodeId: NodeId, query: ModelQuery) => Promise<ModelAnswer["answer"]>;

export interface ModelQueriesOptions {
  answerModelQuery: AnswerModelQuery;
  log: Log;
}

/** An answer may be megabytes, on the connection on which heartbeats are answered: of all nodes so many at once. */
const FILES_AT_ONCE = 2;
const NEVER_GIVEN_UP = new AbortController().signal;

/** What nodes ask in order to bring models, answered. */
export class ModelQueries {
  readonly #options: ModelQueriesOptions;
  readonly #files = new Permits(FILES_AT_ONCE);

  constructor(options: ModelQueriesOptions) {
    this.#options = options;
  }

  /** Never rejects: that it cannot be answered is an answer too. Resolves when the answer has left. */
  async answer(session: AgentSession, nodeId: NodeId, query: ModelQuery): Promise<void> {
    if (query.query.about === "file")
      await this.#files.with(NEVER_GIVEN_UP, () => this.#answer(session, nodeId, query));
    else await this.#answer(session, nodeId, query);
  }

  async #answer(session: AgentSession, nodeId: NodeId, query: ModelQuery): Promise<void> {
    // It has gone while others were answered.
    if (session.isClosed) return;
    const answer = await this.#find(nodeId, query);
    const { requestId } = query;
    await new Promise<void>((resolve) => session.send({ type: "modelAnswer", requestId, answer }, resolve));
  }

  async #find(nodeId: NodeId, query: ModelQuery): Promise<ModelAnswer["answer"]> {
    const { answerModelQuery, log } = this.#options;
    try {
      return await answerModelQuery(nodeId, query);
    } catch (err) {
      log.error({ event: "request.failed", err, nodeId }, "a question about a model met a defect");
      return { is: "problem", code: "noManifest", message: "the coordinator met a defect" };
    }
  }
}
