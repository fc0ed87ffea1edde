import type { NodeId } from "@drover/shared/domain/ids.ts";
import type { ModelAnswer, ModelQuery } from "@drover/shared/protocol/messages.ts";
import type { Log } from "../telemetry/log.ts";
import type { AgentSession } from "./agent-session.ts";

/** What a node asks in order to bring a model. */
export type AnswerModelQuery = (nodeId: NodeId, query: ModelQuery) => Promise<ModelAnswer["answer"]>;

interface Answering {
  answerModelQuery: AnswerModelQuery;
  log: Log;
}

/** Never rejects: that it cannot be answered is an answer too. */
export async function answerModelQuery(
  { answerModelQuery: find, log }: Answering,
  session: AgentSession,
  nodeId: NodeId,
  query: ModelQuery,
): Promise<void> {
  let answer: ModelAnswer["answer"];
  try {
    answer = await find(nodeId, query);
  } catch (err) {
    log.error({ event: "request.failed", err, nodeId }, "a question about a model met a defect");
    answer = { is: "problem", code: "noManifest", message: "the coordinator met a defect" };
  }
  session.send({ type: "modelAnswer", requestId: query.requestId, answer });
}
