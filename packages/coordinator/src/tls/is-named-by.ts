import type { X509Certificate } from "node:crypto";
import { isIP } from "node:net";

/** Whether a client that asked for this host takes the certificate for it; `*.example` counts. */
export function isNamedBy(certificate: X509Certificate, host: string): boolean {
  return (isIP(host) === 0 ? certificate.checkHost(host) : certificate.checkIP(host)) !== undefined;
}
