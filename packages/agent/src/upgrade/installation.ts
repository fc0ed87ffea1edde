import { join } from "node:path/posix";

/** What deploy/install.sh lays out: `PREFIX/versions/VERSION/`, and `PREFIX/current` that names one of them. */
export interface Installation {
  prefix: string;
  version: string;
}

/** That this program is of; `null` where it was not installed so. `programPath` has no links in it. */
export function installationOf(programPath: string): Installation | null {
  const match = /^(.+)\/versions\/([^/]+)\/lib\/drover-agent\.mjs$/.exec(programPath);
  return match?.[1] === undefined || match[2] === undefined ? null : { prefix: match[1], version: match[2] };
}

export function folderOf(prefix: string, version: string): string {
  return join(prefix, "versions", version);
}

/** `linux-x64`: as archives are named. */
export function targetOf(platform: string, architecture: string): string {
  return `${platform}-${architecture}`;
}
