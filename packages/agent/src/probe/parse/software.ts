import { jsonIn, objectOf } from "./json.ts";

/** The first version number of a text: `Python 3.11.2`, `podman version 4.3.1`. */
export function parseVersion(text: string | null | undefined): string | null {
  return /\d{1,6}(?:\.\d{1,6}){1,3}/.exec(text ?? "")?.[0] ?? null;
}

/** The answer to `docker info --format '{{.ServerVersion}} {{json .Runtimes}}'`; without a daemon there is none. */
export function parseDockerInfo(text: string): { version: string; hasNvidia: boolean } | null {
  const version = parseVersion(text.split(" ", 1)[0]);
  if (version === null) return null;
  return { version, hasNvidia: "nvidia" in objectOf(jsonIn(text)) };
}

/** /usr/local/cuda/version.json. */
export function parseCudaToolkit(text: string | null): string | null {
  const version = objectOf(objectOf(jsonIn(text ?? ""))["cuda"])["version"];
  return typeof version === "string" ? parseVersion(version) : null;
}

/** PRETTY_NAME of /etc/os-release, else its name. */
export function parseOsRelease(text: string | null): string | null {
  const line = /^PRETTY_NAME="?([^"\n]{1,100})"?$/m.exec(text ?? "") ?? /^NAME="?([^"\n]{1,100})"?$/m.exec(text ?? "");
  return line?.[1]?.trim() ?? null;
}
