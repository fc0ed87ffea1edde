import { readFileSync } from "node:fs";
import { DroverError } from "@drover/shared/errors.ts";

export interface HubTokenPlaces {
  hubToken: string | null;
  hubTokenFile: string | null;
}

/** Read each time: a token is exchanged without a restart. It goes into a header and nowhere else. */
export function readHubToken({ hubToken, hubTokenFile }: HubTokenPlaces): string | null {
  if (hubTokenFile === null) return hubToken;
  let token: string;
  try {
    token = readFileSync(hubTokenFile, "utf8").trim();
  } catch (cause) {
    throw new DroverError("model.tokenRefused", `${hubTokenFile} cannot be read.`, { cause });
  }
  // What a header may hold; the message must not say what it was.
  if (/^[\x21-\x7e]{1,500}$/.test(token)) return token;
  throw new DroverError("model.tokenRefused", `${hubTokenFile} holds no token.`);
}
