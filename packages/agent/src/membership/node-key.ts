import { createPrivateKey, createPublicKey, sign, type KeyObject } from "node:crypto";
import { join } from "node:path";
import { DroverError } from "@drover/shared/errors.ts";
import type { FileSystem } from "../machine/file-system.ts";

const SEED_BYTES = 32;
/** PKCS #8 of an Ed25519 key, up to its seed (RFC 8410 §7). */
const PKCS8_HEAD = Buffer.from("302e020100300506032b657004220420", "hex");

/** The node's own key, in the file `node.key`: it never leaves the machine. `null` as long as there is none. */
export function loadNodeKey(dataDir: string, files: FileSystem): KeyObject | null {
  const path = keyFile(dataDir);
  const pem = files.readText(path);
  if (pem === null) return null;
  try {
    return createPrivateKey(pem);
  } catch (cause) {
    throw new DroverError("dataDir.unusable", `${path} is damaged; remove it, and join again with a token.`, { cause });
  }
}

/** In the place of the one there may be. `randomBelow` must be one that nobody can guess. */
export function makeNodeKey(dataDir: string, files: FileSystem, randomBelow: (limit: number) => number): KeyObject {
  const seed = Uint8Array.from({ length: SEED_BYTES }, () => randomBelow(256));
  const key = createPrivateKey({ key: Buffer.concat([PKCS8_HEAD, seed]), format: "der", type: "pkcs8" });
  const path = keyFile(dataDir);
  files.writeText(`${path}.new`, String(key.export({ format: "pem", type: "pkcs8" })), { mode: 0o600, sync: true });
  files.rename(`${path}.new`, path);
  files.syncDirectory(dataDir);
  return key;
}

/** What the coordinator is told of it: 32 bytes as base64url. */
export function publicKeyOf(key: KeyObject): string {
  return createPublicKey(key).export({ format: "jwk" }).x ?? "";
}

export function signature(key: KeyObject, bytes: Uint8Array): string {
  return sign(null, bytes, key).toString("base64url");
}

function keyFile(dataDir: string): string {
  return join(dataDir, "node.key");
}
