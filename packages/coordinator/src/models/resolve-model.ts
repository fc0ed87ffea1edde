import {
  checkPaths,
  type ModelFile,
  type ModelReference,
  type PinnedSource,
  type RevisionId,
} from "@drover/shared/domain/model.ts";
import { matchesWildcard } from "@drover/shared/domain/wildcard.ts";
import { DroverError } from "@drover/shared/errors.ts";
import { RevisionInfo, TreePage } from "./hub-answers.ts";
import type { HubClient } from "./hub-client.ts";
import { errorFor } from "./hub-errors.ts";
import { manifestId } from "./manifest-id.ts";

/** Which of a repository's files are wanted; empty: all, and none left out. */
export interface FileChoice {
  include: readonly string[];
  exclude: readonly string[];
}

/** What a reference means, for ever. */
export interface ResolvedModel {
  revisionId: RevisionId;
  source: PinnedSource;
  /** In the order of their paths. */
  files: readonly ModelFile[];
}

const MAX_FILES = 100_000;
/** Also of what the patterns leave out. */
const MAX_ENTRIES = 200_000;

/** Rejects with a `DroverError` of `model.…` where it cannot be, or not now. */
export async function resolveModel(
  hub: HubClient,
  { repository, revision }: ModelReference,
  choice: FileChoice,
): Promise<ResolvedModel> {
  const { value: info } = await hub.json(RevisionInfo, {
    path: `/api/models/${repository}/revision/${encodeURIComponent(revision)}`,
    repository,
  });
  if (info.disabled) throw new DroverError("model.takenDown", `${repository} is disabled.`);
  const needsToken = info.private || info.gated !== false;
  // What a gated repository holds may be read by all: only its files tell who is let in, so nobody waits for a list
  // of ten thousand files to learn that they are not.
  if (needsToken && !hub.hasToken)
    throw errorFor(repository, { status: 401, code: info.gated ? "GatedRepo" : null, message: null }, false);
  const files = await listFiles(hub, repository, info.sha, choice);
  const [first] = files;
  if (first === undefined)
    throw new DroverError("model.manifestRefused", `${repository} has no file that the patterns let through.`);
  const problem = checkPaths(files.map(({ path }) => path));
  if (problem !== null) throw new DroverError("model.manifestRefused", `A file of ${repository}: ${problem}.`);
  if (needsToken)
    await hub.request({ method: "HEAD", path: resolvePath(repository, info.sha, first.path), repository });
  const source: PinnedSource = { type: "huggingFace", repository, revision, commit: info.sha, needsToken };
  return { revisionId: manifestId(source, files), source, files };
}

/** Where the Hub gives a file out. */
export function resolvePath(repository: string, commit: string, path: string): string {
  return `/${repository}/resolve/${commit}/${path.split("/").map(encodeURIComponent).join("/")}`;
}

async function listFiles(
  hub: HubClient,
  repository: string,
  commit: string,
  { include, exclude }: FileChoice,
): Promise<ModelFile[]> {
  const isAny = (patterns: readonly string[], path: string) => patterns.some((one) => matchesWildcard(one, path));
  const files: ModelFile[] = [];
  const path = `/api/models/${repository}/tree/${commit}?recursive=true`;
  let entryCount = 0;
  for await (const page of hub.pages(TreePage, { path, repository })) {
    entryCount += page.length;
    if (entryCount > MAX_ENTRIES)
      throw new DroverError(
        "model.manifestRefused",
        `${repository} has more than ${MAX_ENTRIES} files and directories.`,
      );
    for (const entry of page) {
      if (entry.type !== "file" || isAny(exclude, entry.path)) continue;
      if (include.length > 0 && !isAny(include, entry.path)) continue;
      const hash = entry.lfs ? `sha256:${entry.lfs.oid}` : `gitSha1:${entry.oid}`;
      files.push({ path: entry.path, sizeBytes: entry.lfs?.size ?? entry.size, hash });
    }
    if (files.length > MAX_FILES)
      throw new DroverError("model.manifestRefused", `${repository} has more than ${MAX_FILES} files.`);
  }
  return files.toSorted((a, b) => (a.path < b.path ? -1 : 1));
}
