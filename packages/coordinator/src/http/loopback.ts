import { isIP } from "node:net";

/** Whether a request whose `Host` is this may be for us. */
export type AnswersTo = (host: string) => boolean;

/** `127.0.0.0/8`, `::1` and `localhost`: what only this machine can mean. */
export function isLoopbackHost(host: string): boolean {
  const bare = bareHost(host);
  if (bare === "localhost") return true;
  return (isIP(bare) === 4 && bare.startsWith("127.")) || bare === "::1";
}

/** `[fe80::1]` → `fe80::1`, in lower case: as certificates and options have it. */
export function bareHost(host: string): string {
  return host.replace(/^\[(.*)\]$/, "$1").toLowerCase();
}
