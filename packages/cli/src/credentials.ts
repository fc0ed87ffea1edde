import { readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { isTokenShaped } from "@drover/shared/domain/token.ts";
import type { Shell } from "./shell.ts";
import { UsageError } from "./usage-error.ts";

/**
 * The token that goes with each request: DROVER_TOKEN, else the file that DROVER_TOKEN_FILE names, else, for a
 * coordinator on this machine, the file that `npm start` keeps in the checkout. Never an option: the list of
 * processes is everybody's.
 */
export function tokenSource(coordinatorUrl: string, { env }: Shell): () => string | null {
  const token = env["DROVER_TOKEN"];
  const file = env["DROVER_TOKEN_FILE"];
  const { hostname, protocol } = new URL(coordinatorUrl);
  const isLoopback = LOOPBACK.test(hostname);
  if (token !== undefined || file !== undefined) {
    if (protocol === "http:" && !isLoopback) throw new UsageError(`${hostname} ${READABLE_ON_THE_WAY}`);
    if (token !== undefined) return always(tokenShaped(token.trim(), "DROVER_TOKEN"));
    return always(tokenShaped(contentOf(file ?? ""), file ?? ""));
  }
  if (!isLoopback) return () => null;
  const files = localFolders(env["DROVER_LOCAL_DATA"]).map((folder) => join(folder, "coordinator", "local-token"));
  return () => files.map(contentIfAny).find((content) => content !== null) ?? null;
}

/** Where `npm start` keeps its state: in the checkout, of which this may be any folder. */
function localFolders(named: string | undefined): string[] {
  if (named !== undefined) return [named];
  const folders: string[] = [];
  for (let folder = resolve("."); !folders.includes(join(folder, ".drover")); folder = dirname(folder))
    folders.push(join(folder, ".drover"));
  return folders;
}

const LOOPBACK = /^(localhost|127(\.\d+){3}|\[::1\])$/;

const READABLE_ON_THE_WAY =
  "is not this machine, and over http: your token could be read on the way; use https, or a tunnel through SSH to loopback";

function always(token: string): () => string {
  return () => token;
}

/** Without what was found: it may be a token that was cut when it was pasted. */
function tokenShaped(text: string, where: string): string {
  if (isTokenShaped(text)) return text;
  throw new UsageError(`what ${where} holds is no token; one begins with drv_ and has 47 characters`);
}

function contentOf(file: string): string {
  try {
    return readFileSync(file, "utf8").trim();
  } catch (error) {
    throw new UsageError(`DROVER_TOKEN_FILE names ${file}, which cannot be read: ${(error as Error).message}`);
  }
}

/** Where there is none, or it is not ours to read, the coordinator says what to do about it. */
function contentIfAny(file: string): string | null {
  try {
    const token = readFileSync(file, "utf8").trim();
    return isTokenShaped(token) ? token : null;
  } catch {
    return null;
  }
}
