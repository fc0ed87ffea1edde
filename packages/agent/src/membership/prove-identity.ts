import type { NodeId } from "@drover/shared/domain/ids.ts";
import { DroverError } from "@drover/shared/errors.ts";
import { proofBytes } from "@drover/shared/protocol/node-proof.ts";
import type { FileSystem } from "../machine/file-system.ts";
import { loadMembership } from "./membership.ts";
import { loadNodeKey, signature } from "./node-key.ts";

/** How a node that has joined shows, on each connection, that it is the one. */
export interface Identity {
  readonly fleetId: string;
  prove(nonce: string): string;
}

/** `null`: the node has joined no fleet, and has nothing to prove. */
export function openIdentity(
  dataDir: string,
  files: FileSystem,
  node: { nodeId: NodeId; machineId: string | null },
): Identity | null {
  const membership = loadMembership(dataDir, files);
  if (membership === null) return null;
  const key = loadNodeKey(dataDir, files);
  if (key === null) throw new DroverError("dataDir.unusable", `${dataDir}/node.key is gone; join again with a token.`);
  const { fleetId } = membership;
  return { fleetId, prove: (nonce) => signature(key, proofBytes({ fleetId, nonce, ...node })) };
}
