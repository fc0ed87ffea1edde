import type { Clock } from "@drover/shared/clock.ts";
import type { AttemptId } from "@drover/shared/domain/ids.ts";
import type { NodeLoad } from "@drover/shared/domain/node.ts";
import type { DesiredPlacement } from "@drover/shared/domain/placement.ts";
import type {
  DesiredAttempt,
  DiagnosisMade,
  Hello,
  ModelAnswer,
  NodeChanges,
  Welcome,
} from "@drover/shared/protocol/messages.ts";
import type { Log } from "../log.ts";
import type { Identity } from "../membership/prove-identity.ts";
import type { Dial } from "./socket.ts";

/** What the link is given, and whom it tells. */
export interface LinkPorts {
  url: string;
  dial: Dial;
  clock: Clock;
  /** In [0, 1). */
  random(): number;
  log: Log;
  /** `null`: this node has joined no fleet. */
  identity: Identity | null;
  /** `proof`: that it is who it says; `null` of one that has joined no fleet. */
  composeHello(proof: string | null): Hello;
  readLoad: () => NodeLoad;
  /** What the node is and how it is; `revision` grows with each change. */
  nodeState(): NodeChanges & { revision: number };
  /** By how much our wall clock is ahead of the coordinator's. */
  onClockOffset(offsetMs: number): void;
  /** How many attempts this node holds. */
  countAttempts(): number;
  /** The answer to a hello that was sent at this time; with it the lease is renewed. */
  onWelcome(welcome: Welcome, sentAtMonotonicMs: number): void;
  onDesired(attempts: readonly DesiredAttempt[]): void;
  onOutputAck(attemptId: AttemptId, offset: number): void;
  onOutputResend(attemptId: AttemptId, offset: number): void;
  /** `null` on a node that keeps none. */
  models: LinkModels | null;
  /** Never rejects: why there is none is an answer too. */
  onDiagnose(burn: boolean): Promise<Pick<DiagnosisMade, "diagnosis" | "problem">>;
  /** Resolves to why this node cannot become that version; `null`: it restarts as it. */
  onUpgrade(version: string, sha256: string): Promise<string | null>;
  /** The answer to it is on its way. */
  onUpgradeAnswered(problem: string | null): void;
  /** The coordinator has answered to a heartbeat that was sent at this time. */
  onLeaseRenewed(sentAtMonotonicMs: number, leaseMs: number): void;
}

/** What of the connection is about models. */
export interface LinkModels {
  onDesired(placements: readonly DesiredPlacement[]): void;
  onAnswer(answer: ModelAnswer): void;
  /** What was asked is not answered any more. */
  onClosed(): void;
}
