import { isIP } from "node:net";

/** `127.0.0.0/8`, `::1` and `localhost`: what only this machine can mean. */
export function isLoopbackHost(host: string): boolean {
  const bare = host.replace(/^\[(.*)\]$/, "$1").toLowerCase();
  if (bare === "localhost") return true;
  return (isIP(bare) === 4 && bare.startsWith("127.")) || bare === "::1";
}
