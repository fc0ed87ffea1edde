import type { Clock } from "@drover/shared/clock.ts";
import type { Diagnosis } from "@drover/shared/domain/diagnosis.ts";
import type { NodeId } from "@drover/shared/domain/ids.ts";
import { DroverError } from "@drover/shared/errors.ts";
import type { DiagnosisMade, UpgradeMade } from "@drover/shared/protocol/messages.ts";
import type { AgentSession } from "./agent-session.ts";
import { Questions } from "./questions.ts";

/** Agents of before know no questions. */
const SINCE_VERSION = 2;

export interface AskedNodesOptions {
  /** Of a node that is connected and was welcomed. */
  sessionOf(nodeId: NodeId): AgentSession | undefined;
  protocolVersionOf(nodeId: NodeId): number;
  clock: Clock;
}

/** Everything that a node can be asked for somebody who waits; rejects with what of `node.…` stands in the way. */
export class AskedNodes {
  readonly #options: AskedNodesOptions;
  readonly #diagnoses: Questions<Diagnosis>;
  readonly #upgrades: Questions<void>;

  constructor(options: AskedNodesOptions) {
    this.#options = options;
    this.#diagnoses = new Questions(options.clock);
    this.#upgrades = new Questions(options.clock);
  }

  /** It looks at everything on its machine. */
  async diagnose(nodeId: NodeId, burn: boolean): Promise<Diagnosis> {
    const session = this.#sessionOf(nodeId);
    return this.#diagnoses.ask(session, (requestId) => session.send({ type: "diagnose", requestId, burn }));
  }

  /** It becomes another version. */
  async upgrade(nodeId: NodeId, version: string, sha256: string): Promise<void> {
    const session = this.#sessionOf(nodeId);
    return this.#upgrades.ask(session, (requestId) => session.send({ type: "upgrade", requestId, version, sha256 }));
  }

  #sessionOf(nodeId: NodeId): AgentSession {
    const session = this.#options.sessionOf(nodeId);
    if (session === undefined) throw new DroverError("node.notConnected", `${nodeId} is not connected.`);
    const spoken = this.#options.protocolVersionOf(nodeId);
    if (spoken < SINCE_VERSION)
      throw new DroverError("node.agentTooOld", `The agent of ${nodeId} speaks protocol version ${spoken}.`);
    return session;
  }

  onAnswer(session: AgentSession, message: DiagnosisMade | UpgradeMade): void {
    if (message.type === "diagnosis")
      this.#diagnoses.onAnswer(session, message.requestId, () => diagnosisOf(message, session));
    else this.#upgrades.onAnswer(session, message.requestId, () => requireUpgrade(message, session));
  }

  onClosed(session: AgentSession): void {
    this.#diagnoses.onClosed(session);
    this.#upgrades.onClosed(session);
  }
}

function diagnosisOf({ diagnosis, problem }: DiagnosisMade, { nodeId }: AgentSession): Diagnosis {
  if (diagnosis !== null) return diagnosis;
  throw new DroverError("node.diagnosisFailed", `${nodeId} could not look at itself: ${problem ?? "no reason"}.`);
}

function requireUpgrade({ problem }: UpgradeMade, { nodeId }: AgentSession): void {
  if (problem !== null) throw new DroverError("node.upgradeFailed", `${nodeId} stays what it is: ${problem}`);
}
