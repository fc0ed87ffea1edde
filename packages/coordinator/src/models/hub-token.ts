import { readFileSync } from "node:fs";
import { DroverError } from "@drover/shared/errors.ts";

export interface HubTokenPlaces {
  hubToken: string | null;
  hubTokenFile: string | null;
}

/** Read each time: a token is exchanged without a restart. It goes into a header and nowhere else. */
export function readHubToken({ hubToken, hubTokenFile }: HubTokenPlaces): string | null {
  if (hubTokenFile === null) return hubToken === null ? null : checked(hubToken.trim(), "HF_TOKEN");
  let token: string;
  try {
    token = readFileSync(hubTokenFile, "utf8").trim();
  } catch (cause) {
    throw new DroverError("model.tokenRefused", `${hubTokenFile} cannot be read.`, { cause });
  }
  return checked(token, hubTokenFile);
}

/** Whether a header may hold it. */
export function isHubToken(text: string): boolean {
  return /^[\x21-\x7e]{1,500}$/.test(text);
}

/** The message must not say what it was. */
function checked(token: string, place: string): string {
  if (isHubToken(token)) return token;
  throw new DroverError("model.tokenRefused", `${place} holds no token.`);
}
