import { generateKeyPairSync, sign, type KeyObject } from "node:crypto";
import type { Problem } from "@drover/shared/api/problem.ts";
import type { JoinAnswer } from "@drover/shared/api/enrolment.ts";
import type { Hello } from "@drover/shared/protocol/messages.ts";
import { proofBytes } from "@drover/shared/protocol/node-proof.ts";
import type { RunningCoordinator, ScriptedAgent } from "./running-coordinator.ts";
import { aHello } from "./scenario.ts";

/** A machine with a key: joins, and proves who it is, as an agent does. */
export class JoiningNode {
  readonly key: KeyObject;
  readonly hello: Hello;
  readonly #publicKey: string;

  constructor(number: number, hello: Partial<Hello> = {}) {
    const { privateKey, publicKey } = generateKeyPairSync("ed25519");
    this.key = privateKey;
    this.hello = { ...aHello(number), ...hello };
    this.#publicKey = publicKey.export({ format: "jwk" }).x ?? "";
  }

  /** The answer, or the code of the refusal. */
  async join(coordinator: RunningCoordinator, token: string, extra: object = {}): Promise<JoinAnswer | string> {
    const { nodeId, name, machineId } = this.hello;
    const body = { nodeId, name, machineId, publicKey: this.#publicKey, fleetId: null, ...extra };
    const response = await coordinator.join(token, body);
    const answer: unknown = await response.json();
    return response.ok ? (answer as JoinAnswer) : (answer as Problem).code;
  }

  /** A signed hello for the connection that was challenged so; `changes` are made before it is signed. */
  signedHello({ fleetId, nonce }: { fleetId: string; nonce: string }, changes: Partial<Hello> = {}): Hello {
    const hello = { ...this.hello, ...changes };
    const bytes = proofBytes({ fleetId, nonce, nodeId: hello.nodeId, machineId: hello.machineId });
    return { ...hello, proof: sign(null, bytes, this.key).toString("base64url") };
  }

  /** Connected, and through the challenge; what comes next is a welcome or a refusal. */
  async connect(coordinator: RunningCoordinator, changes: Partial<Hello> = {}): Promise<ScriptedAgent> {
    const agent = await coordinator.connectRaw();
    agent.send(this.signedHello(await agent.next("challenge"), changes));
    return agent;
  }
}
