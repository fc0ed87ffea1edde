import { lstatSync, readFileSync } from "node:fs";
import { isTokenShaped } from "@drover/shared/domain/token.ts";
import { DroverError } from "@drover/shared/errors.ts";
import { writePrivateFile } from "../durable-files.ts";
import { newToken } from "./tokens.ts";

const OTHERS_MAY = 0o077;

/**
 * The admin's token for whoever can read a file that only the coordinator's own user can: they could change the
 * database as well. Made at the first start, and kept, so that what follows a job outlives a restart. Deleted, or
 * readable by others, it is replaced.
 */
export function openLocalToken(path: string): string {
  try {
    return readLocalToken(path) ?? writeLocalToken(path);
  } catch (cause) {
    if (!(cause instanceof Error && "syscall" in cause)) throw cause;
    throw new DroverError("dataDir.unusable", `${path} cannot be read or made: ${cause.message}.`, { cause });
  }
}

function readLocalToken(path: string): string | null {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (!stat?.isFile() || (stat.mode & OTHERS_MAY) !== 0) return null;
  const token = readFileSync(path, "utf8").trim();
  return isTokenShaped(token) ? token : null;
}

function writeLocalToken(path: string): string {
  const token = newToken();
  writePrivateFile(path, `${token}\n`);
  return token;
}
