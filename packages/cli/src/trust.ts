import { getCACertificates, setDefaultCACertificates } from "node:tls";
import { fetchAuthority, isFingerprint } from "@drover/shared/tls/pinned-authority.ts";
import type { Shell } from "./shell.ts";
import { UsageError } from "./usage-error.ts";

/**
 * Says by what this process trusts a coordinator: by nothing but the authority that DROVER_CA_FINGERPRINT names, or
 * without it by what the machine trusts.
 */
export async function trustCoordinator(coordinatorUrl: string, { env }: Shell): Promise<void> {
  const url = new URL(coordinatorUrl);
  const fingerprint = env["DROVER_CA_FINGERPRINT"]?.trim();
  if (fingerprint !== undefined && !isFingerprint(fingerprint))
    throw new UsageError("what DROVER_CA_FINGERPRINT holds is no fingerprint; one has 43 letters, digits, _ and -");
  // Said, and not kept to, it would be a promise that nobody keeps.
  if (fingerprint !== undefined && url.protocol !== "https:")
    throw new UsageError("DROVER_CA_FINGERPRINT is set, and the coordinator's address is not https");
  if (fingerprint !== undefined && env["NODE_TLS_REJECT_UNAUTHORIZED"] === "0")
    throw new UsageError("NODE_TLS_REJECT_UNAUTHORIZED=0 would trust anybody, and DROVER_CA_FINGERPRINT one: unset it");
  if (url.protocol !== "https:") return;
  if (fingerprint === undefined)
    setDefaultCACertificates([...new Set([...getCACertificates("default"), ...getCACertificates("system")])]);
  else setDefaultCACertificates([await fetchAuthority(url, fingerprint)]);
}
