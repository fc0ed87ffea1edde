import { join } from "node:path";
import { z } from "zod";
import { DroverError } from "@drover/shared/errors.ts";
import type { FileSystem } from "../machine/file-system.ts";

/** By what the agent knows the coordinator. */
export const Trust = z.discriminatedUnion("type", [
  /** Its own authority, and nothing else. */
  z.object({ type: z.literal("authority"), fingerprint: z.string(), pem: z.string() }),
  /** What this machine trusts. */
  z.object({ type: z.literal("system") }),
  /** There is no TLS. */
  z.object({ type: z.literal("plain") }),
]);
export type Trust = z.infer<typeof Trust>;

/** Which fleet this node has joined. */
export const Membership = z.object({ fleetId: z.string(), coordinatorUrl: z.string(), trust: Trust });
export type Membership = z.infer<typeof Membership>;

/** The file `fleet.json`; `null` as long as the node has joined none. */
export function loadMembership(dataDir: string, files: Pick<FileSystem, "readText">): Membership | null {
  const path = membershipFile(dataDir);
  const text = files.readText(path);
  if (text === null) return null;
  try {
    return Membership.parse(JSON.parse(text));
  } catch (cause) {
    throw new DroverError("dataDir.unusable", `${path} is damaged; remove it, and join again with a token.`, { cause });
  }
}

export function saveMembership(dataDir: string, files: FileSystem, membership: Membership): void {
  const path = membershipFile(dataDir);
  const text = `${JSON.stringify(membership, null, 2)}\n`;
  files.writeText(`${path}.new`, text, { mode: 0o600, sync: true });
  files.rename(`${path}.new`, path);
  files.syncDirectory(dataDir);
}

function membershipFile(dataDir: string): string {
  return join(dataDir, "fleet.json");
}
