import { createHash, X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import { connect, type DetailedPeerCertificate } from "node:tls";
import { DroverError } from "../errors.ts";

/** A coordinator that is loading a large fleet takes seconds to answer. */
const HANDSHAKE_TIMEOUT_MS = 10_000;
const HTTPS_PORT = 443;

/** What people and tokens carry of a certificate: the SHA-256 of its bytes, as base64url. */
export function fingerprintOf(certificate: string | Uint8Array): string {
  const { raw } = new X509Certificate(certificate);
  return createHash("sha256").update(raw).digest("base64url");
}

export function isFingerprint(text: string): boolean {
  return /^[A-Za-z0-9_-]{43}$/.test(text);
}

/**
 * Asks the server at this address for the certificate of its authority, and takes the one that has this
 * fingerprint. That proves nothing of the server yet: whoever answered may show any certificate. What it shows is
 * to be validated against the authority, by name, on each connection that carries anything; nothing is sent on
 * this one. `tls.untrusted`, `coordinator.unreachable`
 */
export function fetchAuthority(address: URL, fingerprint: string): Promise<string> {
  const host = address.hostname.replace(/^\[(.*)\]$/, "$1");
  const port = address.port === "" ? HTTPS_PORT : Number(address.port);
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const socket = connect({
    host,
    port,
    ...(isIP(host) === 0 ? { servername: host } : {}),
    rejectUnauthorized: false,
    timeout: HANDSHAKE_TIMEOUT_MS,
  });
  socket.once("secureConnect", () => {
    const found = chainOf(socket.getPeerCertificate(true)).find(({ raw }) => fingerprintOf(raw) === fingerprint);
    socket.destroy();
    if (found) resolve(new X509Certificate(found.raw).toString());
    else
      reject(
        new DroverError("tls.untrusted", `What answers at ${address.host} is not of the authority ${fingerprint}.`),
      );
  });
  socket.once("timeout", () => socket.destroy(new Error("the handshake takes too long")));
  socket.on("error", (cause) => {
    const code = isNotTls(cause) ? "tls.untrusted" : "coordinator.unreachable";
    const what = isNotTls(cause)
      ? `What answers at ${address.host} speaks no TLS`
      : `Nothing answers at ${address.host}`;
    reject(new DroverError(code, `${what}: ${cause.message}.`, { cause }));
  });
  return promise;
}

/** From the server's own to the authority's, which is its own issuer. */
function chainOf(first: DetailedPeerCertificate): { raw: Uint8Array }[] {
  const chain: DetailedPeerCertificate[] = [];
  for (let next = first; next?.raw && !chain.includes(next); next = next.issuerCertificate) chain.push(next);
  return chain;
}

function isNotTls(error: Error): boolean {
  return "code" in error && typeof error.code === "string" && /^(EPROTO|ERR_SSL_)/.test(error.code);
}
