import { expect, test } from "vitest";
import { agentEndpoint } from "./socket.ts";

test.for([
  ["http://127.0.0.1:7070", "ws://127.0.0.1:7070/v1/agent"],
  ["https://drover.example.org/", "wss://drover.example.org/v1/agent"],
  ["https://example.org/drover", "wss://example.org/drover/v1/agent"],
  ["ws://[::1]:7070", "ws://[::1]:7070/v1/agent"],
  ["wss://drover.example.org", "wss://drover.example.org/v1/agent"],
] as const)("agents of %s connect to %s", ([coordinator, endpoint]) => {
  expect(agentEndpoint(coordinator)).toBe(endpoint);
});
