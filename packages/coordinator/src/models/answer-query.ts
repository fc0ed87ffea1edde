import type { ModelFile, RevisionId } from "@drover/shared/domain/model.ts";
import { redirectTarget } from "@drover/shared/domain/source-answers.ts";
import { isDroverError } from "@drover/shared/errors.ts";
import { MS_PER_SECOND } from "@drover/shared/units.ts";
import type { ModelAnswer, ModelQuery } from "@drover/shared/protocol/messages.ts";
import type { HubClient } from "./hub-client.ts";
import { resolvePath } from "./resolve-model.ts";

/** What is known of a revision that a node is to hold. */
export interface KnownRevision {
  repository: string;
  commit: string;
  fileCount: number;
  files(from: number, limit: number): ModelFile[];
  hasFile(path: string): boolean;
}

type Answer = ModelAnswer["answer"];
type Problem = Extract<Answer, { is: "problem" }>;

/** A message of a few hundred kilobytes. */
const FILES_PER_ANSWER = 2000;
/** What the Hub keeps in git is below 10 MB; what is larger is given out by address. */
const MAX_CONTENT_BYTES = 12 * 1024 * 1024;

/**
 * What an agent asks in order to bring a revision. The token stays here: an agent gets an address that is signed, for
 * one file and a while, or, where the Hub signs none, the content of a small file.
 */
export async function answerModelQuery(
  hub: HubClient,
  { query }: ModelQuery,
  revision: KnownRevision | null,
): Promise<Answer> {
  if (revision === null) return problem("noManifest", "this revision is not to be on this node");
  if (query.about === "manifest")
    return { is: "manifest", files: revision.files(query.from, FILES_PER_ANSWER), fileCount: revision.fileCount };
  if (!revision.hasFile(query.path)) return problem("missingFile", "the manifest has no such file");
  try {
    return await addressOf(hub, revision, query.path);
  } catch (error) {
    if (!isDroverError(error)) throw error;
    if (error.code === "model.rateLimited") {
      const seconds = Number(error.details["retryAfterSeconds"] ?? Number.NaN);
      return {
        ...problem("rateLimited", error.message),
        ...(seconds >= 0 && { retryAfterMs: seconds * MS_PER_SECOND }),
      };
    }
    return problem(error.code === "model.sourceUnavailable" ? "sourceUnavailable" : "accessDenied", error.message);
  }
}

async function addressOf(hub: HubClient, { repository, commit }: KnownRevision, path: string): Promise<Answer> {
  const response = await hub.request({ path: resolvePath(repository, commit, path), repository });
  const location = response.headers.get("location");
  if (response.status >= 300 && location !== null) {
    await response.body?.cancel();
    const target = redirectTarget(location, response.url);
    if (target === null) return problem("sourceUnavailable", "the Hub redirects to no address that may be followed");
    return { is: "address", url: target.href };
  }
  const bytes = Number(response.headers.get("content-length") ?? Number.NaN);
  if (bytes <= MAX_CONTENT_BYTES) {
    const content = await response.arrayBuffer().catch(() => null);
    if (content === null) return problem("sourceUnavailable", "the Hub broke off its answer");
    return { is: "content", base64: Buffer.from(content).toString("base64") };
  }
  await response.body?.cancel();
  return problem("accessDenied", "the Hub signs no address for a file that is too large to be handed on");
}

function problem(code: Problem["code"], message: string): Problem {
  return { is: "problem", code, message };
}

/** Of what a database knows of a revision. */
export function knownRevision(
  { repository, commit }: { repository: string; commit: string },
  fileCount: number,
  revisionId: RevisionId,
  history: {
    modelFiles(revisionId: RevisionId, from: number, limit: number): ModelFile[];
    hasModelFile(revisionId: RevisionId, path: string): boolean;
  },
): KnownRevision {
  return {
    repository,
    commit,
    fileCount,
    files: (from, limit) => history.modelFiles(revisionId, from, limit),
    hasFile: (path) => history.hasModelFile(revisionId, path),
  };
}
