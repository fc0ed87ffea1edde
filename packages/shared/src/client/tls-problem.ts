/** What OpenSSL and Node say of a server that is not who it should be. */
const UNTRUSTED =
  /^(CERT_|ERR_TLS_CERT_|UNABLE_TO_(GET_ISSUER|VERIFY|DECRYPT)|SELF_SIGNED_|DEPTH_ZERO_|INVALID_CA|INVALID_PURPOSE|HOSTNAME_MISMATCH)/;

/** Why a connection was given up before anything was sent, where that was for the server's certificate; else `null`. */
export function tlsProblemOf(error: unknown): string | null {
  for (let cause = error; cause instanceof Error; cause = cause.cause)
    if ("code" in cause && typeof cause.code === "string" && UNTRUSTED.test(cause.code)) return cause.message;
  return null;
}
