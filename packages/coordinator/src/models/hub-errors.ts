import type { ErrorCode } from "@drover/shared/error-codes.ts";
import { DroverError } from "@drover/shared/errors.ts";

/** What of the Hub's answer says why. */
export interface HubRefusal {
  status: number;
  /** `X-Error-Code`: GatedRepo, RepoNotFound, RevisionNotFound, EntryNotFound. */
  code: string | null;
  /** `X-Error-Message`. */
  message: string | null;
}

/**
 * As huggingface_hub reads them: to whoever shows no token the Hub answers 401 for what does not exist too, so that
 * nobody learns which private repositories there are.
 */
export function errorFor(repository: string, { status, code, message }: HubRefusal, hasToken: boolean): DroverError {
  const error = (errorCode: ErrorCode, text: string): DroverError => new DroverError(errorCode, text);
  if (code === "GatedRepo")
    return hasToken
      ? error("model.gatedNotAccepted", `The Hub does not let the coordinator's account at ${repository}.`)
      : error("model.gatedNoToken", `${repository} is gated.`);
  if (code === "RevisionNotFound") return error("model.revisionNotFound", `${repository} has no such revision.`);
  if (message?.includes("resource is disabled")) return error("model.takenDown", `${repository} is disabled.`);
  if (status === 401 && message?.startsWith("Invalid credentials"))
    return error("model.tokenRefused", "The Hub does not know the coordinator's token.");
  if (status === 403) return error("model.tokenRefused", `The coordinator's token may not read ${repository}.`);
  if (status === 401 || status === 404)
    return error("model.repositoryNotFound", `The Hub shows no ${repository} to this coordinator.`);
  return error("model.sourceUnavailable", `The Hub answered ${status} for ${repository}.`);
}

export function rateLimited(waitMs: number): DroverError {
  const seconds = Math.ceil(waitMs / 1000);
  return new DroverError("model.rateLimited", `The Hub takes requests again in about ${seconds} s.`, {
    details: { retryAfterSeconds: seconds },
  });
}
