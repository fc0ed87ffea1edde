import { createHash, randomBytes } from "node:crypto";

export interface HubFile {
  content: Buffer;
  /** Kept beside git, as the Hub keeps whatever is large. */
  isLarge: boolean;
}

/** One repository of the local Hub, and how it behaves. */
export interface HubRepository {
  /** What each branch and tag points to. */
  revisions: Map<string, string>;
  /** By commit and path. */
  files: Map<string, Map<string, HubFile>>;
  gated: false | "auto" | "manual";
  isPrivate: boolean;
  isDisabled: boolean;
  /** Tokens whose accounts are let in. */
  acceptedTokens: Set<string>;
  /** Where it is now, if it was renamed. */
  renamedTo: string | null;
}

export function aRepository(): HubRepository {
  return {
    revisions: new Map(),
    files: new Map(),
    gated: false,
    isPrivate: false,
    isDisabled: false,
    acceptedTokens: new Set(),
    renamedTo: null,
  };
}

/** From this size on a file is large here; the Hub itself draws the line at 10 MB. */
const LARGE_FROM_BYTES = 1024;

/** A new commit that holds these files and no others; moves the branch there. */
export function commit(
  repository: HubRepository,
  contents: Readonly<Record<string, string | Buffer>>,
  branch = "main",
): string {
  const id = randomBytes(20).toString("hex");
  const files = new Map<string, HubFile>();
  for (const [path, content] of Object.entries(contents)) {
    const bytes = Buffer.from(content);
    files.set(path, { content: bytes, isLarge: bytes.byteLength >= LARGE_FROM_BYTES });
  }
  repository.files.set(id, files);
  repository.revisions.set(branch, id);
  return id;
}

export function sha256Of(content: Buffer): string {
  return createHash("sha256").update(content).digest("hex");
}

/** As git names a blob. */
export function gitSha1Of(content: Buffer): string {
  return createHash("sha1").update(`blob ${content.byteLength}\0`).update(content).digest("hex");
}

/** What git holds of a large file. */
export function pointerTo(content: Buffer): Buffer {
  return Buffer.from(
    `version https://git-lfs.github.com/spec/v1\noid sha256:${sha256Of(content)}\nsize ${content.byteLength}\n`,
  );
}
