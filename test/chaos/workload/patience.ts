import type { ErrorCode } from "@drover/shared/error-codes.ts";
import { isDroverError } from "@drover/shared/errors.ts";

const ANSWER_LIMIT_MS = 2_000;

/** The coordinator is away, or said that it did nothing. */
const WORTH_REPEATING: readonly ErrorCode[] = [
  "coordinator.unreachable",
  "coordinator.stopping",
  "storage.full",
  "storage.failed",
];

class NoAnswer extends Error {}

/** A coordinator that is stopped takes the request and says nothing: a client has a limit of its own. */
export function inTime<T>(answer: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout;
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new NoAnswer(`no answer in ${ANSWER_LIMIT_MS} ms`)), ANSWER_LIMIT_MS);
  });
  // Whichever comes second is nobody's business any more.
  answer.catch(() => {});
  return Promise.race([answer, limit]).finally(() => clearTimeout(timer));
}

/** What a client repeats its request on; any other error is an answer. */
export function isWorthRepeating(error: unknown): boolean {
  return error instanceof NoAnswer || (isDroverError(error) && WORTH_REPEATING.includes(error.code));
}
