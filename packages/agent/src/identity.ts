import { join } from "node:path";
import { NodeId } from "@drover/shared/domain/ids.ts";
import { DroverError } from "@drover/shared/errors.ts";
import type { FileSystem } from "./machine/file-system.ts";

const ID_ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789";
const ID_LENGTH = 12;

/**
 * Where a machine says which one it is. The firmware's first: a hypervisor gives each clone another, though only
 * root may read it. The other lies on the disk, and so differs in a clone only if whoever cloned saw to it.
 */
const MACHINE_ID_FILES = ["/sys/class/dmi/id/product_uuid", "/etc/machine-id"];
/** What boards are shipped with whose maker set nothing: many machines have it, so it names none. */
const UNSET_PRODUCT_UUID = "03000200040005000006000700080009";

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

/** Stays with the machine; `null` where it does not say. `readText` yields `null` where a file cannot be read. */
export function readMachineId(readText: (path: string) => string | null): string | null {
  for (const path of MACHINE_ID_FILES) {
    const machineId = readText(path)?.trim().toLowerCase() ?? "";
    if (isMachineId(machineId)) return machineId;
  }
  return null;
}

/** An image that was never started says "uninitialized", a board that was never set up all zeros or all ones. */
function isMachineId(text: string): boolean {
  const digits = text.replaceAll("-", "");
  return /^[0-9a-f]{32}$/.test(digits) && !/^(.)\1*$/.test(digits) && digits !== UNSET_PRODUCT_UUID;
}
