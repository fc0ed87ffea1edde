import type { CoordinatorMessage, Hello } from "@drover/shared/protocol/messages.ts";
import { expect, test } from "vitest";
import { createFakeClock } from "../testing/fake-clock.ts";
import { NodeLoad } from "@drover/shared/domain/node.ts";
import { CoordinatorLink } from "./coordinator-link.ts";
import type { LinkPorts } from "./link-ports.ts";
import type { LinkSocketEvents } from "./socket.ts";

const LEASE_MS = 3_000;
const WELCOME: CoordinatorMessage = {
  type: "welcome",
  protocolVersion: 1,
  leaseMs: LEASE_MS,
  heartbeatIntervalMs: 1_000,
  attempts: [],
  outputOffsets: {},
};
const DESIRED: CoordinatorMessage = { type: "desired", jobs: [], run: [], held: [] };

/** A link whose other end is the test. */
function aLink() {
  const clock = createFakeClock();
  const happened: string[] = [];
  const connections: { events: LinkSocketEvents; isTerminated: boolean }[] = [];
  const link = new CoordinatorLink({
    identity: null,
    url: "ws://coordinator",
    dial(_url, events) {
      const connection = { events, isTerminated: false };
      connections.push(connection);
      return {
        sendText: (text) => happened.push((JSON.parse(text) as { type: string }).type),
        sendBinary: () => {},
        bufferedBytes: () => 0,
        close: () => {},
        terminate: () => (connection.isTerminated = true),
      };
    },
    clock,
    random: () => 0,
    log: () => {},
    composeHello: () => ({ type: "hello" }) as Hello,
    readLoad: () => NodeLoad.parse({ load1: 0, memoryAvailableBytes: 0, dataDiskFreeBytes: 0 }),
    nodeState: () => ({ revision: 1 }) as ReturnType<LinkPorts["nodeState"]>,
    onClockOffset: () => {},
    countAttempts: () => 0,
    onWelcome: ({ leaseMs }, sentAtMs) => happened.push(`welcomed, lease until ${sentAtMs + leaseMs}`),
    onDesired: () => happened.push("desired"),
    onOutputAck: () => {},
    onOutputResend: () => {},
    onDiagnose: () => Promise.resolve({ diagnosis: null, problem: "a test" }),
    models: null,
    onUpgrade: () => Promise.resolve("a test"),
    onUpgradeAnswered: () => {},
    onLeaseRenewed: (sentAtMs, leaseMs) => happened.push(`lease until ${sentAtMs + leaseMs}`),
  });
  link.start();
  const hear = (message: CoordinatorMessage) => connections.at(-1)?.events.onText(JSON.stringify(message));
  return { clock, happened, connections, hear };
}

test("a welcome renews the lease from when the hello was sent", () => {
  const { clock, happened, connections, hear } = aLink();
  connections[0]?.events.onOpen();
  clock.advanceBy(LEASE_MS - 1);
  hear(WELCOME);
  hear(DESIRED);
  expect(happened).toEqual(["hello", "welcomed, lease until 3000", "heartbeat", "desired"]);
});

test("a welcome whose own lease is over is not taken, nor what follows it: the agent says hello again", () => {
  const { clock, happened, connections, hear } = aLink();
  connections[0]?.events.onOpen();
  clock.advanceBy(LEASE_MS);
  hear(WELCOME);
  hear(DESIRED);
  expect(happened).toEqual(["hello"]);
  expect(connections[0]?.isTerminated).toBe(true);
  connections[0]?.events.onClosed("terminated");
  clock.advanceBy(0);
  connections[1]?.events.onOpen();
  hear(WELCOME);
  expect(happened).toEqual(["hello", "hello", "welcomed, lease until 6000", "heartbeat"]);
});
