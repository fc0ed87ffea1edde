import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { NodeId } from "@drover/shared/domain/ids.ts";
import { DroverError } from "@drover/shared/errors.ts";

const ID_ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789";
const ID_LENGTH = 12;

/**
 * The node's id, made once for its data directory and then kept: over restarts, upgrades and re-installs.
 * `randomBelow` yields a whole number in [0, limit).
 */
export function loadNodeId(dataDir: string, randomBelow: (limit: number) => number): NodeId {
  const path = join(dataDir, "node.json");
  const known = readNodeFile(path);
  if (known !== null) return known;
  let id = "node-";
  for (let i = 0; i < ID_LENGTH; i++) id += ID_ALPHABET[randomBelow(ID_ALPHABET.length)];
  const nodeId = NodeId.parse(id);
  writeFileSync(`${path}.new`, `${JSON.stringify({ nodeId })}\n`, { flush: true });
  renameSync(`${path}.new`, path);
  return nodeId;
}

function readNodeFile(path: string): NodeId | null {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return null;
    throw error;
  }
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

/** Changes with every start of the machine. */
export function readBootId(): string {
  return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
}
