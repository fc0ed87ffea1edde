import Database from "better-sqlite3";
import { DroverError, isDroverError } from "@drover/shared/errors.ts";

/** The disk's doing, or another program's; a broken constraint is our own defect. */
const FAULT = /^SQLITE_(FULL|IOERR|BUSY|READONLY|CANTOPEN|NOMEM|LOCKED)/;
const DAMAGE = /^SQLITE_(CORRUPT|NOTADB)/;

/** For a store that is open: what the disk does becomes `storage.*`, which callers are answered with. */
export function withStorageErrors<T>(work: () => T, onDamage: () => void): T {
  try {
    return work();
  } catch (error) {
    if (isDamage(error)) onDamage();
    throw asStorageError(error);
  }
}

/** For a store that is being opened: what the disk does becomes an error that ends the program in one line. */
export function withOpeningErrors<T>(dataDir: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw asOpeningError(dataDir, error);
  }
}

/** For reading what may hold anything: whatever goes wrong, and is not the disk's doing, is damage. */
export function withDamageErrors<T>(dataDir: string, work: () => T): T {
  try {
    return withOpeningErrors(dataDir, work);
  } catch (error) {
    throw isDroverError(error) ? error : damaged(dataDir, messageOf(error), error);
  }
}

export function damaged(dataDir: string, why: string, cause?: unknown): DroverError {
  return new DroverError("dataDir.damaged", `The database in ${dataDir} cannot be used: ${why}.`, { cause });
}

/** The same for what is no database yet, and so cannot be damaged. */
export function unusableDirectory(dataDir: string, error: unknown): DroverError {
  return isDiskFull(error) ? diskFull(error) : unusable(dataDir, error);
}

function unusable(dataDir: string, cause: unknown): DroverError {
  return new DroverError("dataDir.unusable", `${dataDir} cannot be used: ${messageOf(cause)}.`, { cause });
}

export function isFault(error: unknown): error is Error {
  return isSqliteError(error) ? FAULT.test(error.code) : isSystemError(error);
}

/** SQLite says that the file is not what it should be, or a row holds what nobody wrote. */
export function isDamage(error: unknown): error is Error {
  if (isSqliteError(error)) return DAMAGE.test(error.code);
  return error instanceof SyntaxError || (error instanceof Error && error.name === "ZodError");
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function asStorageError(error: unknown): unknown {
  if (isDamage(error)) {
    return new DroverError("storage.damaged", `The coordinator's database is damaged: ${error.message}.`, {
      cause: error,
    });
  }
  if (isDiskFull(error)) return diskFull(error);
  if (!isSqliteError(error) || !FAULT.test(error.code)) return error;
  return new DroverError("storage.failed", `The coordinator's store failed: ${error.message} (${error.code}).`, {
    cause: error,
  });
}

function asOpeningError(dataDir: string, error: unknown): unknown {
  if (isDamage(error)) return damaged(dataDir, error.message, error);
  return isFault(error) ? unusableDirectory(dataDir, error) : error;
}

function diskFull(cause: unknown): DroverError {
  return new DroverError("storage.full", "The coordinator's disk is full.", { cause });
}

function isDiskFull(error: unknown): boolean {
  return isSqliteError(error) ? error.code === "SQLITE_FULL" : isSystemError(error) && error.code === "ENOSPC";
}

function isSqliteError(error: unknown): error is InstanceType<typeof Database.SqliteError> {
  return error instanceof Database.SqliteError;
}

/** Of Node's file system calls; `DroverError` has a code too, but no number of the kernel's. */
function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && "errno" in error && "syscall" in error;
}
