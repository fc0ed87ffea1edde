import { join } from "node:path";
import { NodeId } from "@drover/shared/domain/ids.ts";
import { DroverError } from "@drover/shared/errors.ts";
import type { FileSystem } from "./machine/file-system.ts";

const ID_ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789";
const ID_LENGTH = 12;

/**
 * The node's id, made once for its data directory and then kept: over restarts, upgrades and re-installs.
 * `randomBelow` yields a whole number in [0, limit).
 */
export function loadNodeId(dataDir: string, files: FileSystem, randomBelow: (limit: number) => number): NodeId {
  const path = join(dataDir, "node.json");
  const text = files.readText(path);
  if (text !== null) return parseNodeFile(path, text);
  let id = "node-";
  for (let i = 0; i < ID_LENGTH; i++) id += ID_ALPHABET[randomBelow(ID_ALPHABET.length)];
  const nodeId = NodeId.parse(id);
  files.writeText(`${path}.new`, `${JSON.stringify({ nodeId })}\n`, { mode: 0o600, sync: true });
  files.rename(`${path}.new`, path);
  // Without this a power loss could take the name back, and the machine would return as another node: what waits
  // for the old one would wait for ever (simulation seed 1216).
  files.syncDirectory(dataDir);
  return nodeId;
}

function parseNodeFile(path: string, text: string): NodeId {
  try {
    const file: unknown = JSON.parse(text);
    return NodeId.parse(typeof file === "object" && file !== null && "nodeId" in file ? file.nodeId : undefined);
  } catch (cause) {
    // A new id would make another node of this one, and orphan what runs on it.
    throw new DroverError("dataDir.unusable", `${path} is damaged; restore it, or remove it to join as a new node.`, {
      cause,
    });
  }
}
