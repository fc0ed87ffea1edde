import type { PlacementProblemCode } from "@drover/shared/domain/placement.ts";

/** Why something could not be brought, for people to act on. */
export class PullProblem extends Error {
  readonly code: PlacementProblemCode;
  /** How long the source asked to be left alone. */
  readonly retryAfterMs: number | null;

  constructor(code: PlacementProblemCode, message: string, retryAfterMs: number | null = null) {
    super(message);
    this.code = code;
    this.retryAfterMs = retryAfterMs;
  }
}

/** What a failed file operation means for a pull. */
export function problemOf(error: unknown): PullProblem {
  if (error instanceof PullProblem) return error;
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  const message = error instanceof Error ? error.message : String(error);
  if (code === "ENOSPC" || code === "EDQUOT") return new PullProblem("diskFull", message);
  return new PullProblem("diskFailed", message);
}
