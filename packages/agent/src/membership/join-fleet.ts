import { JoinAnswer, type JoinRequest } from "@drover/shared/api/enrolment.ts";
import { parseJoinToken, TRUST_PLAIN, TRUST_SYSTEM, type JoinToken } from "@drover/shared/domain/join-token.ts";
import { DroverError } from "@drover/shared/errors.ts";
import { fetchAuthority } from "@drover/shared/tls/pinned-authority.ts";
import { loadNodeId } from "../identity.ts";
import type { FileSystem } from "../machine/file-system.ts";
import { loadMembership, saveMembership, type Membership, type Trust } from "./membership.ts";
import { loadNodeKey, makeNodeKey, publicKeyOf } from "./node-key.ts";
import { postJson } from "./post-json.ts";

export interface JoinOptions {
  coordinatorUrl: string;
  token: string;
  dataDir: string;
  name: string;
  machineId: string | null;
  /** Leaves another fleet for this. */
  force: boolean;
  files: FileSystem;
  /** A whole number in [0, limit), which nobody can guess. */
  randomBelow: (limit: number) => number;
}

export interface Joined {
  membership: Membership;
  nodeId: string;
  /** It waits for an operator to let it in. */
  isPending: boolean;
}

/** Exchanges a join token for a registration of this node's key; said twice it is the same. */
export async function joinFleet(options: JoinOptions): Promise<Joined> {
  const { coordinatorUrl, dataDir, files, force, randomBelow } = options;
  const token = parseJoinToken(options.token);
  if (token === null) throw new DroverError("join.tokenInvalid", "This is no join token, or it was cut.");
  const present = loadMembership(dataDir, files);
  if (present !== null && !force && !mayBeTheSame(present, token)) throw otherFleet(present.coordinatorUrl);
  const trust = await trustOf(token, new URL(coordinatorUrl));
  const nodeId = loadNodeId(dataDir, files, randomBelow);
  // What one fleet knows of this node is nothing to the next.
  const key = (force ? null : loadNodeKey(dataDir, files)) ?? makeNodeKey(dataDir, files, randomBelow);
  const request: JoinRequest = {
    nodeId,
    name: options.name,
    machineId: options.machineId,
    publicKey: publicKeyOf(key),
    fleetId: force ? null : (present?.fleetId ?? null),
  };
  const answer = JoinAnswer.safeParse(
    await postJson(new URL("/v1/join", coordinatorUrl), options.token, request, trust),
  );
  if (!answer.success)
    throw new DroverError("agent.joinFailed", `${coordinatorUrl} answered with something else.`, {
      cause: answer.error,
    });
  const membership = { fleetId: answer.data.fleetId, coordinatorUrl, trust };
  saveMembership(dataDir, files, membership);
  return { membership, nodeId, isPending: answer.data.state === "pending" };
}

/** Two fleets never share an authority; where there is none, the coordinator itself says which fleet it is. */
function mayBeTheSame({ trust }: Membership, token: JoinToken): boolean {
  return trust.type === "authority" ? trust.fingerprint === token.trust : trust.type === token.trust;
}

function otherFleet(coordinatorUrl: string): DroverError {
  return new DroverError("join.otherFleet", `This node is of the fleet of ${coordinatorUrl}.`);
}

async function trustOf(token: JoinToken, url: URL): Promise<Trust> {
  const isTls = url.protocol === "https:";
  if (isTls === (token.trust === TRUST_PLAIN))
    throw new DroverError(
      "config.invalid",
      `The token is for ${isTls ? "plain http" : "https"}, and ${url.origin} is not.`,
    );
  if (token.trust === TRUST_PLAIN) return { type: "plain" };
  if (token.trust === TRUST_SYSTEM) return { type: "system" };
  return { type: "authority", fingerprint: token.trust, pem: await fetchAuthority(url, token.trust) };
}
