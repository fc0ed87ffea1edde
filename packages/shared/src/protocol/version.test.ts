import { createHash } from "node:crypto";
import { expect, it } from "vitest";
import { z } from "zod";
import { AgentMessage, CoordinatorMessage } from "./messages.ts";
import { MIN_AGENT_PROTOCOL_VERSION, PROTOCOL_VERSION } from "./version.ts";

/** Of the messages' schemas, as PROTOCOL_VERSION 2 has them. */
const SCHEMA_HASH = "cd01333ea2265262";
const HASHED_AT_VERSION = 2;

const WHAT_TO_DO = `The messages between agent and coordinator have changed.

Would an agent or coordinator of the version before misread one of them?
  no   (a new optional field, a looser limit): put the new hash into SCHEMA_HASH.
  yes  (a new required field, a new meaning, a new message that must be answered): raise PROTOCOL_VERSION,
       add a dated line to its history, keep the version before working, and set SCHEMA_HASH and
       HASHED_AT_VERSION.
`;

it("changes of the messages are decided on, not slipped in", () => {
  const schemas = [AgentMessage, CoordinatorMessage].map((schema) => z.toJSONSchema(schema, { io: "input" }));
  const hash = createHash("sha256").update(JSON.stringify(schemas)).digest("hex").slice(0, 16);
  expect({ hash, version: PROTOCOL_VERSION }, WHAT_TO_DO).toEqual({ hash: SCHEMA_HASH, version: HASHED_AT_VERSION });
});

it("at most one version back is served", () => {
  expect(PROTOCOL_VERSION - MIN_AGENT_PROTOCOL_VERSION).toBeLessThanOrEqual(1);
});
