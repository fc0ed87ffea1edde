import { getCACertificates } from "node:tls";
import type { Trust } from "./membership.ts";

/** Whose word for a certificate counts. Node's own list lacks what an administrator added to the machine's. */
export function authoritiesOf(trust: Trust): string[] {
  if (trust.type === "authority") return [trust.pem];
  return [...new Set([...getCACertificates("default"), ...getCACertificates("system")])];
}
