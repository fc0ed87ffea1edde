import { assertNever } from "@drover/shared/assert.ts";
import {
  CoordinatorMessage,
  type AttemptReport,
  type Challenge,
  type HeartbeatAck,
  type ModelQuery,
  type NodeChanges,
  type PlacementReports,
  type Welcome,
} from "@drover/shared/protocol/messages.ts";
import { decodeDesired } from "@drover/shared/protocol/desired-frames.ts";
import { decodeTextFrame } from "@drover/shared/protocol/text-frame.ts";
import type { ErrorCode } from "@drover/shared/error-codes.ts";
import type { OutputChannel } from "../output/shipper.ts";
import type { LinkPorts } from "./link-ports.ts";
import { createBackoff, type Backoff } from "./backoff.ts";
import { hangUp, newSession, send, type Session } from "./session.ts";

const FIRST_RETRY_MS = 250;
const MAX_RETRY_MS = 15_000;
/** Somebody has to change something first. */
const REFUSED_RETRY_MS = 30_000;
/** Somebody is about to let it in, and waits to see it. */
const WAITING_RETRY_MS = 5_000;
const WAITS: ErrorCode = "agent.pendingApproval";
/** From the dial to the welcome: a coordinator that is loading a large fleet takes seconds. */
const WELCOME_TIMEOUT_MS = 30_000;
/** So many heartbeat intervals without a sign of life mean that the connection is only half there. */
const SILENT_INTERVALS = 3;

/** The agent's one connection: dials out, says hello, stays, and comes back. */
export class CoordinatorLink implements OutputChannel {
  readonly #ports: LinkPorts;
  readonly #backoff: Backoff;
  #session: Session | null = null;
  #cancelRetry: (() => void) | null = null;

  constructor(ports: LinkPorts) {
    this.#ports = ports;
    this.#backoff = createBackoff(FIRST_RETRY_MS, MAX_RETRY_MS, () => ports.random());
  }

  start(): void {
    this.#connect();
  }

  stop(): void {
    const session = this.#session;
    this.#session = null;
    this.#cancelRetry?.();
    session?.cancelTimer?.();
    session?.socket.close();
  }

  /** Welcomed, and not closed since. */
  isOpen(): boolean {
    return this.#session !== null && this.#session.welcome !== null;
  }

  bufferedBytes(): number {
    return this.#session?.socket.bufferedBytes() ?? 0;
  }

  sendOutput(frame: Uint8Array, onFlushed: () => void): void {
    this.#session?.socket.sendBinary(frame, onFlushed);
  }

  /** Only while it is open; a later hello contains them anyway. */
  sendReports(reports: readonly AttemptReport[]): void {
    if (this.#session !== null) send(this.#session, { type: "attempts", reports: [...reports] });
  }

  /** False where nobody is there who would understand it. */
  sendAboutModels(message: PlacementReports | ModelQuery): boolean {
    const session = this.#session;
    if (session === null || session.welcome === null || !session.speaksOfModels) return false;
    send(session, message);
    return true;
  }

  /** What the node is and how it is, where it has changed: at once, before what is said next. */
  sendChanges(): void {
    const session = this.#session;
    if (session === null || session.welcome === null) return;
    if (this.#ports.nodeState().revision !== session.saidRevision) this.#beat(session);
  }

  #connect(): void {
    const { dial, url, clock } = this.#ports;
    // The socket calls back in later turns of the event loop only, so `session` is there by then.
    const socket = dial(url, {
      // One that has joined is asked first who it is.
      onOpen: () => this.#session === session && this.#ports.identity === null && this.#sayHello(session, null),
      // What is still under way on a connection that we hung up on is not for us any more.
      onText: (text) => this.#session === session && session.hangUpReason === null && this.#onText(session, text),
      onHeard: () => (session.heardAtMs = clock.monotonicMs()),
      onClosed: (reason) => this.#onClosed(session, reason),
    });
    const session = newSession(socket);
    session.cancelTimer = clock.callAfter(WELCOME_TIMEOUT_MS, () => hangUp(session, "no welcome in time"));
    this.#session = session;
  }

  #onChallenge(session: Session, { fleetId, nonce }: Challenge): void {
    const { identity, log } = this.#ports;
    if (identity === null || session.hasSaidHello) return;
    if (fleetId === identity.fleetId) return this.#sayHello(session, identity.prove(nonce));
    log("agent.refusesCoordinator", { code: "agent.otherFleet", fleetId, joined: identity.fleetId });
    session.retryAfterMs = REFUSED_RETRY_MS * (0.5 + this.#ports.random());
    hangUp(session, "refused: agent.otherFleet");
  }

  #sayHello(session: Session, proof: string | null): void {
    session.hasSaidHello = true;
    session.saidRevision = this.#ports.nodeState().revision;
    const hello = this.#ports.composeHello(proof);
    session.helloSentAtMs = this.#ports.clock.monotonicMs();
    send(session, hello);
  }

  #onText(session: Session, text: string): void {
    const decoded = decodeTextFrame(CoordinatorMessage, text);
    if (decoded.ok) return this.#onMessage(session, decoded.message);
    // A newer coordinator may say what we do not know; anything else is a defect that a new hello may heal.
    if (!isOfUnknownType(text)) hangUp(session, `the coordinator sent a malformed message: ${decoded.problem}`);
  }

  #onMessage(session: Session, message: CoordinatorMessage): void {
    switch (message.type) {
      case "challenge":
        return this.#onChallenge(session, message);
      case "welcome":
        return this.#onWelcome(session, message);
      case "refused":
        this.#ports.log("agent.refusedByCoordinator", { code: message.code, reason: message.message });
        session.retryAfterMs =
          (message.code === WAITS ? WAITING_RETRY_MS : REFUSED_RETRY_MS) * (0.5 + this.#ports.random());
        return hangUp(session, `refused: ${message.code}`);
      case "heartbeatAck":
        return this.#onHeartbeatAck(session, message);
      case "desired":
        return this.#ports.onDesired(decodeDesired(message));
      case "outputAck":
        for (const { attemptId, offset } of message.offsets) this.#ports.onOutputAck(attemptId, offset);
        return;
      case "outputResend":
        return this.#ports.onOutputResend(message.attemptId, message.offset);
      case "models":
        session.speaksOfModels = true;
        return this.#ports.models?.onDesired(message.placements);
      case "modelAnswer":
        return this.#ports.models?.onAnswer(message);
      case "diagnose":
        void this.#ports.onDiagnose(message.burn).then((made) => {
          if (this.#session === session) send(session, { type: "diagnosis", requestId: message.requestId, ...made });
        });
        return;
      case "upgrade":
        void this.#ports.onUpgrade(message.version, message.sha256).then((problem) => {
          if (this.#session === session) send(session, { type: "upgradeMade", requestId: message.requestId, problem });
          this.#ports.onUpgradeAnswered(problem);
        });
        return;
      default:
        return assertNever(message);
    }
  }

  #onWelcome(session: Session, welcome: Welcome): void {
    const { log, url, clock } = this.#ports;
    // A coordinator that could not commit for longer than a lease. It believes us alive from now on and gives us
    // work, all of which would be fenced before it began: 115 attempts in half a second (chaos seed 12).
    if (clock.monotonicMs() >= session.helloSentAtMs + welcome.leaseMs)
      return hangUp(session, "the welcome came when its lease was over");
    session.welcome = welcome;
    this.#backoff.reset();
    log("agent.connected", { coordinator: url, attempts: welcome.attempts.length });
    this.#ports.onWelcome(welcome, session.helloSentAtMs);
    session.cancelTimer?.();
    // At once: the lease counts from the hello, which may have waited for most of it.
    this.#beat(session);
    this.#beatLater(session, welcome.heartbeatIntervalMs);
  }

  #beatLater(session: Session, intervalMs: number): void {
    const { clock } = this.#ports;
    session.cancelTimer = clock.callAfter(intervalMs, () => {
      const nowMs = clock.monotonicMs();
      const silentMs = nowMs - session.heardAtMs;
      if (silentMs > intervalMs * SILENT_INTERVALS)
        return hangUp(session, `nothing heard for ${Math.round(silentMs)} ms`);
      this.#beat(session);
      this.#beatLater(session, intervalMs);
    });
  }

  #beat(session: Session): void {
    const sequence = session.nextSequence++;
    session.unacknowledged.set(sequence, this.#ports.clock.monotonicMs());
    send(session, {
      type: "heartbeat",
      sequence,
      load: this.#ports.readLoad(),
      attemptCount: this.#ports.countAttempts(),
      ...this.#changesSince(session),
    });
  }

  #changesSince(session: Session): { changes?: NodeChanges } {
    const { revision, ...changes } = this.#ports.nodeState();
    if (revision === session.saidRevision) return {};
    session.saidRevision = revision;
    return { changes };
  }

  #onHeartbeatAck(session: Session, { sequence, nowMs }: HeartbeatAck): void {
    const sentAtMs = session.unacknowledged.get(sequence);
    if (sentAtMs === undefined || session.welcome === null) return;
    for (const earlier of session.unacknowledged.keys())
      if (earlier <= sequence) session.unacknowledged.delete(earlier);
    this.#ports.onLeaseRenewed(sentAtMs, session.welcome.leaseMs);
    const { clock, onClockOffset } = this.#ports;
    // Its answer was made somewhere between our question and now: the middle is off by half the way at most.
    if (nowMs !== undefined) onClockOffset(clock.nowMs() - (clock.monotonicMs() - sentAtMs) / 2 - nowMs);
  }

  #onClosed(session: Session, reason: string): void {
    session.cancelTimer?.();
    // Stopped: this is the end that was asked for.
    if (this.#session !== session) return;
    this.#session = null;
    this.#ports.models?.onClosed();
    const retryInMs = Math.round(session.retryAfterMs ?? this.#backoff.nextDelayMs());
    this.#ports.log("agent.disconnected", { reason: session.hangUpReason ?? reason, retryInMs });
    this.#cancelRetry = this.#ports.clock.callAfter(retryInMs, () => this.#connect());
  }
}

/** An unknown member of the protocol is skipped, a known one that is broken is not. */
function isOfUnknownType(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text);
    const known: readonly unknown[] = CoordinatorMessage.options.map((option) => option.shape.type.value);
    return typeof value === "object" && value !== null && "type" in value && !known.includes(value.type);
  } catch {
    return false;
  }
}
