import { createPublicKey, verify } from "node:crypto";
import type { Clock } from "@drover/shared/clock.ts";
import type { JoinRequest } from "@drover/shared/api/enrolment.ts";
import { matchesNamePattern } from "@drover/shared/domain/join-token.ts";
import type { NodeId } from "@drover/shared/domain/ids.ts";
import { DroverError } from "@drover/shared/errors.ts";
import type { Hello } from "@drover/shared/protocol/messages.ts";
import { proofBytes } from "@drover/shared/protocol/node-proof.ts";
import type { IdentityVerdict, NodeIdentity } from "../gateway/node-identity.ts";
import type { EnrolmentRecord, EnrolmentStore } from "../store/enrolment-store.ts";
import type { Invites } from "./invites.ts";

/** Whose keys are whose: who has joined, who waits to be let in, and who was removed. */
export class Enrolments implements NodeIdentity {
  readonly fleetId: string;
  readonly #store: EnrolmentStore;
  readonly #invites: Invites;
  readonly #clock: Clock;

  constructor(store: EnrolmentStore, invites: Invites, clock: Clock) {
    this.#store = store;
    this.#invites = invites;
    this.#clock = clock;
    this.fleetId = store.fleetId();
  }

  /** Registers a node's key in exchange for a token. Said twice it is the same, and uses the token once. */
  join(token: string, request: JoinRequest, address: string): EnrolmentRecord {
    const invite = this.#invites.find(token);
    const known = this.#store.enrolment(request.nodeId);
    if (known && known.state !== "removed") {
      const isSame = known.publicKey === request.publicKey && known.machineId === request.machineId;
      if (!isSame)
        throw new DroverError(
          "join.nodeTaken",
          `${known.name} (${known.nodeId}) has joined with another key, or on another machine.`,
        );
      // The answer of before was lost on the way.
      if (known.inviteId === invite.id) return known;
    }
    this.#invites.requireGood(invite);
    if (request.fleetId !== null && request.fleetId !== this.fleetId)
      throw new DroverError(
        "join.otherFleet",
        `The machine is of the fleet ${request.fleetId}, and this is ${this.fleetId}.`,
      );
    const { site, labels, namePattern } = invite;
    if (!matchesNamePattern(request.name, namePattern))
      throw new DroverError("join.nameNotAllowed", `The invitation ${invite.id} is for nodes called ${namePattern}.`);
    const { nodeId, name, publicKey, machineId } = request;
    const enrolment: EnrolmentRecord = {
      nodeId,
      name,
      publicKey,
      machineId,
      site,
      labels,
      namePattern,
      address,
      state: invite.needsApproval ? "pending" : "enrolled",
      inviteId: invite.id,
      joinedAtMs: this.#clock.nowMs(),
    };
    this.#store.putEnrolment(enrolment, invite.id);
    return enrolment;
  }

  /** Whether who says this hello is who it says, and may come in. */
  check(hello: Hello, nonce: string, isLocal: boolean): IdentityVerdict {
    const known = this.#store.enrolment(hello.nodeId);
    if (known?.state === "removed") return refused("agent.removed", `${known.name} (${hello.nodeId})`);
    // Once it has joined it proves that, from wherever it comes.
    if (known === null || known.publicKey === null) {
      if (isLocal) return { ok: true, site: hello.site, labels: {} };
      return refused("agent.notEnrolled", `${hello.name} (${hello.nodeId})`);
    }
    if (!isProven(known.publicKey, hello, this.fleetId, nonce))
      return refused("agent.identityUnproven", `${known.name} (${known.nodeId})`);
    if (known.machineId !== hello.machineId) {
      const [joined, here] = [known.machineId ?? "one that says nothing", hello.machineId ?? "one that says nothing"];
      return refused(
        "agent.otherMachine",
        `${known.name} (${known.nodeId}) joined on machine ${joined}, and this is ${here}`,
      );
    }
    if (!matchesNamePattern(hello.name, known.namePattern))
      return refused("join.nameNotAllowed", `${hello.name} is not ${known.namePattern}`);
    if (known.state === "pending") return refused("agent.pendingApproval", `${known.name} (${known.nodeId})`);
    return { ok: true, site: known.site ?? hello.site, labels: known.labels };
  }

  waiting(): EnrolmentRecord[] {
    return this.#store.enrolments().filter(({ state }) => state === "pending");
  }

  isRemoved(nodeId: NodeId): boolean {
    return this.#store.enrolment(nodeId)?.state === "removed";
  }

  /** `null` where no node has this id or name; of several with the name the first that waits. */
  find(idOrName: string): EnrolmentRecord | null {
    const all = this.#store.enrolments();
    const named = all.filter(({ nodeId, name }) => nodeId === idOrName || name === idOrName);
    return named.find(({ state }) => state === "pending") ?? named[0] ?? null;
  }

  /** `enrolment.notFound` */
  approve(idOrName: string): EnrolmentRecord {
    const found = this.find(idOrName);
    if (found?.state !== "pending")
      throw new DroverError("enrolment.notFound", `No node called "${idOrName}" waits to be let in.`);
    const enrolled: EnrolmentRecord = { ...found, state: "enrolled" };
    this.#store.putEnrolment(enrolled, null);
    return enrolled;
  }

  /** Its key is worth nothing from now on; a node that had never joined is kept out as well. */
  remove(nodeId: NodeId, name: string): EnrolmentRecord {
    const known = this.#store.enrolment(nodeId) ?? {
      nodeId,
      name,
      publicKey: null,
      machineId: null,
      site: null,
      labels: {},
      namePattern: null,
      inviteId: null,
      address: null,
      joinedAtMs: this.#clock.nowMs(),
    };
    const removed: EnrolmentRecord = { ...known, state: "removed" };
    this.#store.putEnrolment(removed, null);
    return removed;
  }
}

function refused(code: Extract<IdentityVerdict, { ok: false }>["code"], detail: string): IdentityVerdict {
  return { ok: false, code, detail };
}

function isProven(publicKey: string, { nodeId, machineId, proof }: Hello, fleetId: string, nonce: string): boolean {
  if (proof === null) return false;
  const key = createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x: publicKey }, format: "jwk" });
  return verify(null, proofBytes({ fleetId, nonce, nodeId, machineId }), key, Buffer.from(proof, "base64url"));
}
