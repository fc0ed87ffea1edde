import type { Clock } from "@drover/shared/clock.ts";
import type { AttemptId, NodeId } from "@drover/shared/domain/ids.ts";
import { ERRORS, type ErrorCode } from "@drover/shared/error-codes.ts";
import { AgentMessage, type AttemptReport, type Hello } from "@drover/shared/protocol/messages.ts";
import { parseOutputFrame, type OutputFrame } from "@drover/shared/protocol/output-frame.ts";
import { encodeDesired } from "@drover/shared/protocol/desired-frames.ts";
import { decodeTextFrame } from "@drover/shared/protocol/text-frame.ts";
import { PROTOCOL_VERSION } from "@drover/shared/protocol/version.ts";
import type { CommittedTurn, Engine } from "../engine/engine.ts";
import type { OutputStore } from "../output/output-store.ts";
import type { Log } from "../telemetry/log.ts";
import { AgentSession, type ConnectionOrigin } from "./agent-session.ts";
import type { AgentSocket, AgentSocketEvents } from "./agent-socket.ts";
import { AskedNodes } from "./asked-nodes.ts";
import { unfitGreeting } from "./greeting.ts";
import { ModelQueries, type AnswerModelQuery } from "./model-queries.ts";
import type { NodeIdentity } from "./node-identity.ts";

export interface AgentGatewayOptions {
  engine: Engine;
  outputs: OutputStore;
  answerModelQuery: AnswerModelQuery;
  identity: NodeIdentity;
  /** Never the same twice, and nobody can guess it. */
  drawNonce: () => string;
  clock: Clock;
  log: Log;
}

/** How long output that could not be stored waits before the agent is asked for it again. */
const OUTPUT_RETRY_MS = 1000;
const OVERTAKEN = "the node connected again";

/** The coordinator's end of every agent's connection: frames in become inputs, effects become frames. */
export class AgentGateway {
  readonly #options: AgentGatewayOptions;
  readonly #sessions = new Map<number, AgentSession>();
  /** Whom to tell changes: the session that was welcomed last. */
  readonly #welcomed = new Map<NodeId, AgentSession>();
  /** The newest session that said hello for each node; it may not be welcomed yet, or be gone. */
  readonly #newestGreeted = new Map<NodeId, number>();
  readonly #modelQueries: ModelQueries;
  readonly asked: AskedNodes;
  #nextSessionId = 1;

  constructor(options: AgentGatewayOptions) {
    this.#options = options;
    this.#modelQueries = new ModelQueries(options);
    this.asked = new AskedNodes({
      sessionOf: (nodeId) => this.#welcomed.get(nodeId),
      protocolVersionOf: (nodeId) => options.engine.fleet.sessions.get(nodeId)?.protocolVersion ?? 0,
      clock: options.clock,
    });
  }

  connect(socket: AgentSocket, origin: ConnectionOrigin): AgentSocketEvents {
    const { identity, drawNonce, clock } = this.#options;
    const session = new AgentSession(this.#nextSessionId++, origin, drawNonce(), socket, clock);
    this.#sessions.set(session.id, session);
    session.send({ type: "challenge", fleetId: identity.fleetId, nonce: session.nonce });
    return {
      onText: (text) => session.isOver || this.#takeText(session, text),
      onBinary: (frame) => session.isOver || this.#takeBinary(session, frame),
      onBroken: (problem) => this.#refuse(session, "agent.malformedMessage", problem),
      onClosed: (reason) => this.#closed(session, reason),
    };
  }

  /** Sends what a durable turn decided. */
  release({ effects }: CommittedTurn): void {
    const { engine } = this.#options;
    const { leaseMs, heartbeatIntervalMs } = engine.fleet.settings;
    for (const [sessionId, attempts] of effects.welcomes) {
      const session = this.#sessions.get(sessionId);
      if (!session?.nodeId) continue;
      this.#welcomed.set(session.nodeId, session);
      session.send({
        type: "welcome",
        protocolVersion: PROTOCOL_VERSION,
        leaseMs,
        heartbeatIntervalMs,
        attempts,
        outputOffsets: Object.fromEntries(session.reportedAttemptIds.map((id) => [id, this.#reliableBytes(id)])),
      });
    }
    // Before what reads them: what may not leave any more is said first.
    for (const [nodeId, placements] of effects.desiredPlacements)
      this.#welcomed.get(nodeId)?.send({ type: "models", placements });
    for (const [nodeId, attempts] of effects.desired) {
      const session = this.#welcomed.get(nodeId);
      if (session) for (const frame of encodeDesired(attempts)) session.send(frame);
    }
    for (const { sessionId, code, detail } of effects.refusals) {
      const session = this.#sessions.get(sessionId);
      if (session) this.#refuse(session, code, detail);
    }
    for (const { sessionId, reason } of effects.closings) this.#sessions.get(sessionId)?.close(reason);
  }

  /** It may not be here any more: what it still says is not heard. */
  drop(nodeId: NodeId, code: ErrorCode, detail: string): void {
    for (const session of this.#sessions.values()) {
      if (session.nodeId !== nodeId) continue;
      this.#refuse(session, code, detail);
      this.#closed(session, code);
    }
  }

  stop(): void {
    for (const session of this.#sessions.values()) session.close("the coordinator is stopping");
  }

  #closed(session: AgentSession, reason: string): void {
    if (session.isClosed) return;
    session.isClosed = true;
    this.#sessions.delete(session.id);
    this.asked.onClosed(session);
    const { nodeId } = session;
    if (!nodeId) return;
    if (this.#welcomed.get(nodeId) === session) this.#welcomed.delete(nodeId);
    const happening = {
      type: "agentGone",
      sessionId: session.id,
      nodeId,
      reason: reason || "the connection closed",
    } as const;
    this.#options.engine.happen(happening);
  }

  #takeBinary(session: AgentSession, bytes: Uint8Array): void {
    const frame = parseOutputFrame(bytes);
    if (frame) void this.#takeOutput(session, frame);
    else this.#refuse(session, "agent.malformedMessage", "a binary frame that is no output");
  }

  #takeText(session: AgentSession, text: string): void {
    const unfit = session.nodeId === null ? unfitGreeting(text) : null;
    if (unfit !== null) return this.#refuse(session, unfit.code, unfit.detail);
    const decoded = decodeTextFrame(AgentMessage, text);
    if (!decoded.ok) {
      this.#refuse(session, "agent.malformedMessage", decoded.problem);
      return;
    }
    const { message } = decoded;
    if (message.type === "hello") this.#takeFirstHello(session, message);
    else if (session.nodeId === null)
      this.#refuse(session, "agent.helloExpected", `the first frame was ${message.type}`);
    else if (message.type === "diagnosis" || message.type === "upgradeMade") this.asked.onAnswer(session, message);
    else if (message.type === "attempts") this.#takeReports(session, session.nodeId, message.reports);
    else if (message.type === "modelQuery") void this.#modelQueries.answer(session, session.nodeId, message);
    else if (message.type === "placements")
      this.#options.engine.happen({
        type: "placementReports",
        sessionId: session.id,
        nodeId: session.nodeId,
        reports: message.reports,
      });
    else if (this.#options.engine.heardFrom(session.nodeId, session.id, message)) {
      const { engine, clock } = this.#options;
      session.send({ type: "heartbeatAck", sequence: message.sequence, nowMs: clock.nowMs() });
      const { changes } = message;
      if (changes !== undefined)
        engine.happen({ type: "nodeChanges", sessionId: session.id, nodeId: session.nodeId, changes });
    }
  }

  #refuse(session: AgentSession, code: ErrorCode, detail: string): void {
    if (session.isClosed || session.isOver) return;
    session.isOver = true;
    const message = `${ERRORS[code].meaning} (${detail})`;
    this.#options.log.warn(
      { event: "agent.refused", code, detail, address: session.address, nodeId: session.nodeId },
      "agent refused",
    );
    session.send({ type: "refused", code, message });
    session.close(code);
  }

  #takeFirstHello(session: AgentSession, hello: Hello): void {
    if (session.nodeId !== null)
      return this.#refuse(session, "agent.malformedMessage", "a second hello on one connection");
    // Before anything else of it is looked at: who it is decides whose attempts it may speak of.
    const verdict = this.#options.identity.check(hello, session.nonce, session.isLocal);
    if (!verdict.ok) return this.#refuse(session, verdict.code, verdict.detail);
    void this.#takeHello(session, { ...hello, site: verdict.site }, verdict.labels);
  }

  async #takeHello(session: AgentSession, hello: Hello, labels: Readonly<Record<string, string>>): Promise<void> {
    const { engine, clock } = this.#options;
    const heardAt = { wallMs: clock.nowMs(), monotonicMs: clock.monotonicMs() };
    session.nodeId = hello.nodeId;
    session.reportedAttemptIds = hello.attempts.map((report) => report.attemptId);
    // TCP may deliver what was sent on a connection that its agent has long given up, after a later one's hello: by
    // what it lists the node would have forgotten all it was given since (simulation seed 2126127387).
    if (session.id < (this.#newestGreeted.get(hello.nodeId) ?? 0)) return session.close(OVERTAKEN);
    this.#newestGreeted.set(hello.nodeId, session.id);
    const attempts = await Promise.all(hello.attempts.map((report) => this.#sealed(hello.nodeId, report)));
    if (session.isClosed) return;
    // While this one waited for the disk the node said hello again: what it said here is no longer true.
    if (this.#newestGreeted.get(hello.nodeId) !== session.id) return session.close(OVERTAKEN);
    engine.happen({ type: "agentHello", sessionId: session.id, hello: { ...hello, attempts }, labels, heardAt });
  }

  #takeReports(session: AgentSession, nodeId: NodeId, reports: AttemptReport[]): void {
    const { engine } = this.#options;
    const isImmediate = (report: AttemptReport) => report.state !== "ended" || report.outputBytes === 0;
    const immediate = reports.filter(isImmediate);
    if (immediate.length > 0)
      engine.happen({ type: "attemptReports", sessionId: session.id, nodeId, reports: immediate });
    for (const report of reports) {
      if (isImmediate(report)) continue;
      void this.#sealed(nodeId, report).then((sealed) => {
        if (sealed.state !== "ended") this.#sealLater(session, nodeId, report);
        engine.happen({ type: "attemptReports", sessionId: session.id, nodeId, reports: [sealed] });
      });
    }
  }

  /**
   * An attempt counts as ended only when its output is stored to the last byte and would survive a power
   * cut: the agent deletes its own copy on our word.
   */
  async #sealed(nodeId: NodeId, report: AttemptReport): Promise<AttemptReport> {
    if (report.state !== "ended" || report.outputBytes === 0) return report;
    // What is not this node's to end is sorted out by the core; its file is none of this agent's business.
    if (this.#options.engine.fleet.attempts.get(report.attemptId)?.nodeId !== nodeId) return report;
    try {
      const storedBytes = await this.#options.outputs.seal(report.attemptId);
      if (storedBytes >= report.outputBytes) return { ...report, outputBytes: storedBytes };
    } catch (error) {
      this.#outputFailed(report.attemptId, error);
    }
    return { ...report, state: "releasing" };
  }

  async #takeOutput(session: AgentSession, { attemptId, offset, payload }: OutputFrame): Promise<void> {
    const { engine, outputs } = this.#options;
    // Of an attempt that is over here, or never was this node's: nobody will read it.
    if (session.nodeId === null || engine.fleet.attempts.get(attemptId)?.nodeId !== session.nodeId) return;
    try {
      const storedBytes = await outputs.append(attemptId, offset, payload);
      session.acknowledgeOutput(attemptId, storedBytes);
    } catch (error) {
      this.#outputFailed(attemptId, error);
      this.#options.clock.callAfter(OUTPUT_RETRY_MS, () => {
        const offset = this.#reliableBytes(attemptId);
        // Said too, because all of it may be here by now, and then there is nothing to send again (simulation seed 51).
        session.acknowledgeOutput(attemptId, offset);
        session.send({ type: "outputResend", attemptId, offset });
      });
    }
  }

  /**
   * Asks for what is missing of the output, all of it where it could not be synced (simulation seed 1255). Where
   * nothing is missing only our own disk stood in the way, and is tried again: the agent has nothing to add.
   */
  #sealLater(session: AgentSession, nodeId: NodeId, report: AttemptReport): void {
    const { attemptId, outputBytes } = report;
    this.#options.clock.callAfter(OUTPUT_RETRY_MS, () => {
      if (session.isClosed) return;
      const offset = this.#reliableBytes(attemptId);
      if (offset < outputBytes) session.send({ type: "outputResend", attemptId, offset });
      else this.#takeReports(session, nodeId, [report]);
    });
  }

  /** 0 where the disk does not even say: then the agent sends all of it again, which does no harm. */
  #reliableBytes(attemptId: AttemptId): number {
    try {
      return this.#options.outputs.reliableBytesOf(attemptId);
    } catch (error) {
      this.#outputFailed(attemptId, error);
      return 0;
    }
  }

  #outputFailed(attemptId: string, error: unknown): void {
    this.#options.log.error({ event: "output.writeFailed", attemptId, err: error }, "output could not be stored");
  }
}
