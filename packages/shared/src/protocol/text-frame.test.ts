import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { AgentMessage, CoordinatorMessage } from "./messages.ts";
import { decodeTextFrame } from "./text-frame.ts";

describe("a text frame", () => {
  it("is the message it holds", () => {
    const ack = { type: "heartbeatAck", sequence: 7 };
    expect(decodeTextFrame(CoordinatorMessage, JSON.stringify(ack))).toEqual({ ok: true, message: ack });
  });

  it("may hold fields that a later version added", () => {
    const text = JSON.stringify({ type: "heartbeatAck", sequence: 7, addedLater: true });
    expect(decodeTextFrame(CoordinatorMessage, text)).toMatchObject({ ok: true });
  });

  it("of anything else is a problem in words, and never throws", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        const decoded = decodeTextFrame(AgentMessage, text);
        expect(decoded).toMatchObject({ ok: false });
      }),
    );
  });

  it.each([
    ["{", "not JSON"],
    ["{}", "type: "],
    ['{"type":"heartbeat","sequence":-1,"load":{}}', "sequence: "],
    ['{"type":"attempts","reports":[{"attemptId":"../x"}]}', "reports.0.attemptId: an attempt id looks like"],
  ])("%s says where it is wrong", (text, problem) => {
    const decoded = decodeTextFrame(AgentMessage, text);
    expect(decoded.ok ? "" : decoded.problem).toContain(problem);
  });
});
