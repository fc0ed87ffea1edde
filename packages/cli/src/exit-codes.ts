import { ERRORS } from "@drover/shared/error-codes.ts";
import { isDroverError } from "@drover/shared/errors.ts";

/** What `drover` ends with. `drover run` ends with its job's own exit code instead, once the job ran. */
export const ExitCode = {
  ok: 0,
  /** A job that was waited for did not succeed, or a machine that was looked at is unhealthy. */
  jobFailed: 1,
  /** The command, or what it names, is not right: nothing was done. */
  usage: 2,
  /** The coordinator cannot be reached, or cannot serve. */
  unreachable: 3,
} as const;

const FIRST_SERVER_ERROR_STATUS = 500;

export function exitCodeForError(error: unknown): number {
  if (!isDroverError(error)) return ExitCode.unreachable;
  if (error.code === "coordinator.unreachable") return ExitCode.unreachable;
  const status = ERRORS[error.code].httpStatus;
  return status !== null && status >= FIRST_SERVER_ERROR_STATUS ? ExitCode.unreachable : ExitCode.usage;
}
