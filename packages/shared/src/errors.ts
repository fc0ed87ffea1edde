import { ERRORS, type ErrorCode } from "./error-codes.ts";

/** A failure that a person can act on. Everything else that is thrown is a defect. */
export class DroverError extends Error {
  readonly code: ErrorCode;
  /** Further fields of the problem document: ids, limits, validation issues. */
  readonly details: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, message: string, options: { details?: Record<string, unknown>; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "DroverError";
    this.code = code;
    this.details = options.details ?? {};
  }

  get advice(): string {
    return ERRORS[this.code].advice;
  }
}

/** By code, not by class: two copies of this package may be loaded. */
export function isDroverError(error: unknown): error is DroverError {
  return error instanceof Error && "code" in error && typeof error.code === "string" && error.code in ERRORS;
}

/** One line for a terminal: the code to look up, what happened to which thing, what to do. */
export function errorLine(error: DroverError): string {
  return `${error.code}: ${error.message} ${error.advice}`;
}
