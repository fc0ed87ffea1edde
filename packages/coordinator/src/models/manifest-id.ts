import { createHash } from "node:crypto";
import type { ModelFile, PinnedSource, RevisionId } from "@drover/shared/domain/model.ts";

/**
 * A revision is named by what it holds and not by a number: a coordinator that was restored from an older copy of its
 * database counts the same numbers again, and a node that still holds the first of that number would pass it off as the
 * second. The commit is part of it because the Hub's cache layout is by commit.
 */
export function manifestId({ repository, commit }: PinnedSource, files: readonly ModelFile[]): RevisionId {
  const hash = createHash("sha256").update(`hf ${repository} ${commit}\n`);
  for (const { path, sizeBytes, hash: content } of files) hash.update(`${content} ${sizeBytes} ${path}\n`);
  return hash.digest("hex").slice(0, 32) as RevisionId;
}
