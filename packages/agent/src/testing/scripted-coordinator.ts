import { encodeDesired } from "@drover/shared/protocol/desired-frames.ts";
import type { AttemptId } from "@drover/shared/domain/ids.ts";
import type { AttemptState } from "@drover/shared/domain/attempt.ts";
import {
  AgentMessage,
  type AttemptReport,
  type CoordinatorMessage,
  type DesiredAttempt,
  type DiagnosisMade,
  type Hello,
} from "@drover/shared/protocol/messages.ts";
import { parseOutputFrame } from "@drover/shared/protocol/output-frame.ts";
import { PROTOCOL_VERSION } from "@drover/shared/protocol/version.ts";
import { WebSocketServer, type WebSocket } from "ws";
import { waitFor } from "./wait-for.ts";

export interface Script {
  leaseMs: number;
  heartbeatIntervalMs: number;
  /** Answers a hello; `null` says nothing. */
  onHello: (hello: Hello) => DesiredAttempt[] | null;
  acknowledgeOutput: boolean;
  acknowledgeHeartbeats: boolean;
  /** Drops an attempt from the agent's spool as soon as it reports the end. */
  forgetEnded: boolean;
}

/** The other side of the protocol, doing what a test says; checks every message against the schema. */
export interface ScriptedCoordinator {
  readonly url: string;
  readonly script: Script;
  readonly hellos: Hello[];
  readonly reports: AttemptReport[];
  readonly heartbeats: number[];
  /** What each heartbeat said the agent holds. */
  readonly attemptCounts: (number | null)[];
  readonly diagnoses: DiagnosisMade[];
  /** What arrived of each attempt's output, put together by offset. */
  output(attemptId: AttemptId): Buffer;
  /** The highest number of bytes that were sent and not acknowledged. */
  largestWindowBytes(): number;
  /** Loses what it has behind this offset. */
  cut(attemptId: AttemptId, offset: number): void;
  send(message: CoordinatorMessage): void;
  sendText(text: string): void;
  desire(...attempts: DesiredAttempt[]): void;
  acknowledge(attemptId: AttemptId, offset: number): void;
  /** Hello of the n-th connection, counted from 1. */
  connected(times?: number): Promise<Hello>;
  reported(attemptId: AttemptId, state: AttemptState): Promise<AttemptReport>;
  disconnect(): void;
  close(): Promise<void>;
}

export async function startScriptedCoordinator(overrides: Partial<Script> = {}): Promise<ScriptedCoordinator> {
  const server = new WebSocketServer({ host: "127.0.0.1", port: 0, path: "/v1/agent", perMessageDeflate: false });
  await new Promise((resolve) => server.once("listening", resolve));
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("not listening");

  const script: Script = {
    leaseMs: 60_000,
    heartbeatIntervalMs: 5_000,
    onHello: (hello) => hello.attempts.map(({ attemptId }) => ({ desired: "keep", attemptId })),
    acknowledgeOutput: true,
    acknowledgeHeartbeats: true,
    forgetEnded: false,
    ...overrides,
  };
  const hellos: Hello[] = [];
  const reports: AttemptReport[] = [];
  const heartbeats: number[] = [];
  const attemptCounts: (number | null)[] = [];
  const diagnoses: DiagnosisMade[] = [];
  const chunks = new Map<string, Buffer>();
  const acknowledged = new Map<string, number>();
  let largestWindowBytes = 0;
  let current: WebSocket | null = null;

  const send = (message: CoordinatorMessage) => current?.send(JSON.stringify(message));
  const sendDesired = (attempts: readonly DesiredAttempt[]) => {
    for (const frame of encodeDesired(attempts)) send(frame);
  };
  const acknowledge = (attemptId: AttemptId, offset: number) => {
    acknowledged.set(attemptId, offset);
    send({ type: "outputAck", offsets: [{ attemptId, offset }] });
  };

  function onOutput(frame: Buffer): void {
    const output = parseOutputFrame(frame);
    if (output === null) throw new Error("not an output frame");
    const { attemptId, offset, payload } = output;
    const known = chunks.get(attemptId) ?? Buffer.alloc(0);
    if (offset > known.length) throw new Error(`a gap in the output of ${attemptId}: ${known.length} to ${offset}`);
    const whole = Buffer.concat([known.subarray(0, offset), payload]);
    chunks.set(attemptId, whole);
    largestWindowBytes = Math.max(largestWindowBytes, whole.length - (acknowledged.get(attemptId) ?? 0));
    if (script.acknowledgeOutput) acknowledge(attemptId, whole.length);
  }

  function onMessage(message: AgentMessage): void {
    if (message.type === "hello") {
      hellos.push(message);
      reports.push(...message.attempts);
      const attempts = script.onHello(message);
      if (attempts === null) return;
      const outputOffsets: Record<string, number> = {};
      for (const [attemptId, bytes] of chunks) outputOffsets[attemptId] = bytes.length;
      const { leaseMs, heartbeatIntervalMs } = script;
      const held = attempts.filter((attempt) => attempt.desired !== "run");
      send({
        type: "welcome",
        protocolVersion: PROTOCOL_VERSION,
        leaseMs,
        heartbeatIntervalMs,
        attempts: held,
        outputOffsets,
      });
      sendDesired(attempts.filter((attempt) => attempt.desired === "run"));
    } else if (message.type === "heartbeat") {
      heartbeats.push(message.sequence);
      attemptCounts.push(message.attemptCount);
      if (script.acknowledgeHeartbeats) send({ type: "heartbeatAck", sequence: message.sequence });
    } else if (message.type === "diagnosis") {
      diagnoses.push(message);
    } else if (message.type === "attempts") {
      reports.push(...message.reports);
      const ended = message.reports.filter((report) => report.state === "ended");
      if (script.forgetEnded && ended.length > 0) {
        sendDesired(ended.map(({ attemptId }) => ({ desired: "forget", attemptId })));
      }
    }
  }

  server.on("connection", (socket) => {
    current = socket;
    socket.on("message", (data: Buffer, isBinary) => {
      if (isBinary) onOutput(data);
      else onMessage(AgentMessage.parse(JSON.parse(data.toString("utf8"))));
    });
  });

  return {
    url: `http://127.0.0.1:${address.port}`,
    script,
    hellos,
    reports,
    heartbeats,
    attemptCounts,
    diagnoses,
    output: (attemptId) => chunks.get(attemptId) ?? Buffer.alloc(0),
    largestWindowBytes: () => largestWindowBytes,
    cut: (attemptId, offset) => chunks.set(attemptId, chunks.get(attemptId)?.subarray(0, offset) ?? Buffer.alloc(0)),
    send,
    sendText: (text) => current?.send(text),
    desire: (...attempts) => sendDesired(attempts),
    acknowledge,
    async connected(times = 1) {
      await waitFor(`connection ${times}`, () => hellos.length >= times);
      return hellos[times - 1]!;
    },
    reported: (attemptId, state) =>
      waitFor(`${attemptId} to be ${state}`, () =>
        reports.findLast((one) => one.attemptId === attemptId && one.state === state),
      ),
    disconnect: () => current?.terminate(),
    async close() {
      for (const client of server.clients) client.terminate();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
