import { describe, expect, it } from "vitest";
import { VERSION_1_ATTEMPT_ID, VERSION_1_FRAMES, VERSION_1_OUTPUT_FRAME } from "../testing/version-1-frames.ts";
import { AgentMessage } from "./messages.ts";
import { parseOutputFrame } from "./output-frame.ts";
import { decodeTextFrame } from "./text-frame.ts";
import { MIN_AGENT_PROTOCOL_VERSION } from "./version.ts";

/** As long as MIN_AGENT_PROTOCOL_VERSION is 1; with version 3 this file goes, and one for version 2 comes. */
describe("an agent of protocol version 1", () => {
  it("is served", () => {
    expect(MIN_AGENT_PROTOCOL_VERSION).toBe(1);
  });

  it.each(Object.entries(VERSION_1_FRAMES))("is understood: %s", (_name, text) => {
    const decoded = decodeTextFrame(AgentMessage, text);
    // Nothing of what it says is lost on the way.
    expect(decoded).toMatchObject({ ok: true, message: JSON.parse(text) as object });
  });

  it("says neither its machine nor its site nor how much it holds", () => {
    const hello = decodeTextFrame(AgentMessage, VERSION_1_FRAMES.hello);
    expect(hello).toMatchObject({ ok: true, message: { machineId: null, site: null } });
    const heartbeat = decodeTextFrame(AgentMessage, VERSION_1_FRAMES.heartbeat);
    expect(heartbeat).toMatchObject({ ok: true, message: { attemptCount: null } });
  });

  it("sends output as today's agents do", () => {
    const frame = parseOutputFrame(Buffer.from(VERSION_1_OUTPUT_FRAME, "base64"));
    expect(frame).toMatchObject({ attemptId: VERSION_1_ATTEMPT_ID, offset: 0 });
    expect(Buffer.from(frame?.payload ?? []).toString()).toBe("hello\n");
  });
});
