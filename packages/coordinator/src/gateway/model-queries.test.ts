import { expect, it } from "vitest";
import { systemClock } from "@drover/shared/clock.ts";
import type { RevisionId } from "@drover/shared/domain/model.ts";
import type { ModelAnswer, ModelQuery } from "@drover/shared/protocol/messages.ts";
import { nodeIdOf } from "../testing/scenario.ts";
import { AgentSession } from "./agent-session.ts";
import type { AgentSocket } from "./agent-socket.ts";
import { ModelQueries } from "./model-queries.ts";

const revisionId = "a".repeat(32) as RevisionId;

function aboutFile(requestId: number): ModelQuery {
  return { type: "modelQuery", requestId, revisionId, query: { about: "file", path: "config.json" } };
}

function sessionOf(sendText: AgentSocket["sendText"]): AgentSession {
  return new AgentSession(1, { address: "here", isLocal: true }, "nonce", { sendText, close: () => {} }, systemClock);
}

it("two files are on their way at a time, and one counts until it has left", async () => {
  const asked: number[] = [];
  const leave: (() => void)[] = [];
  const session = sessionOf((_text, onSent) => void (onSent && leave.push(onSent)));
  const answer: ModelAnswer["answer"] = { is: "content", base64: "e30=" };
  const queries = new ModelQueries({
    log: { error: () => {}, warn: () => {}, info: () => {} },
    async answerModelQuery(_nodeId, { requestId }) {
      asked.push(requestId);
      return answer;
    },
  });
  const answering = [1, 2, 3].map((requestId) => queries.answer(session, nodeIdOf(1), aboutFile(requestId)));
  await new Promise(setImmediate);
  expect({ asked, sent: leave.length }).toEqual({ asked: [1, 2], sent: 2 });
  const other = sessionOf((_text, onSent) => onSent?.());
  await queries.answer(other, nodeIdOf(2), { ...aboutFile(9), query: { about: "manifest", from: 0 } });
  expect(asked).toEqual([1, 2, 9]);
  leave[0]?.();
  await answering[0];
  await new Promise(setImmediate);
  expect(asked).toEqual([1, 2, 9, 3]);
  for (const onSent of leave) onSent();
  await Promise.all(answering);
});
