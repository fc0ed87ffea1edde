import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { describeLinkStatus, linkStateOf, readLinkStatus, writeLinkStatus, type LinkStatus } from "./link-status.ts";
import { makeDataDir } from "./testing/start-test-agent.ts";

const STATUS: LinkStatus = {
  pid: process.pid,
  name: "gpu-01",
  coordinator: "https://coord.example",
  agentVersion: "0.1.0",
  link: "online",
  reason: null,
  sinceMs: 0,
};

test("log lines of the connection change what is said of it, and others do not", () => {
  expect(linkStateOf("agent.connected")).toEqual({ link: "online", reason: null });
  expect(linkStateOf("agent.disconnected", { reason: "ECONNREFUSED" })).toEqual({
    link: "offline",
    reason: "ECONNREFUSED",
  });
  expect(linkStateOf("agent.attemptStarted")).toBeNull();
});

test("why it was refused is not hidden by the disconnect that follows", () => {
  const fields = { code: "agent.duplicateNode", reason: "Another machine is known under this id." };
  const refused = linkStateOf("agent.refusedByCoordinator", fields);
  expect(refused && describeLinkStatus({ ...STATUS, ...refused })).toBe(
    "https://coord.example refuses node gpu-01: agent.duplicateNode: Another machine is known under this id.",
  );
  expect(linkStateOf("agent.disconnected", { reason: "refused: agent.duplicateNode" })).toBeNull();
});

test("what was written is read again as long as its agent lives", () => {
  const dataDir = makeDataDir();
  expect(readLinkStatus(dataDir)).toBeNull();
  writeLinkStatus(dataDir, STATUS);
  expect(readLinkStatus(dataDir)).toEqual(STATUS);
  // The largest pid that Linux gives is 2^22.
  writeLinkStatus(dataDir, { ...STATUS, pid: 2 ** 22 + 1 });
  expect(readLinkStatus(dataDir)).toBeNull();
});

test("a damaged file says nothing", () => {
  const dataDir = makeDataDir();
  writeFileSync(join(dataDir, "status.json"), "{");
  expect(readLinkStatus(dataDir)).toBeNull();
});
