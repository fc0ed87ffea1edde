import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import type { Clock } from "@drover/shared/clock.ts";
import { DroverError } from "@drover/shared/errors.ts";
import type { Log } from "../telemetry/log.ts";
import { isNamedBy } from "./is-named-by.ts";
import type { ServerTls, TlsContext } from "./server-tls.ts";

/** Two small files; no notice of the file system tells of a change on every kind of volume. */
const LOOK_INTERVAL_MS = 10_000;

export interface GivenCertificateOptions {
  certFile: string;
  keyFile: string;
  /** Answered for beside those of the certificate. */
  names: readonly string[];
  clock: Clock;
  log: Log;
}

/** The certificate that an operator, or an ACME client, keeps in two files: read again when they change. */
export function openGivenCertificate(options: GivenCertificateOptions): ServerTls {
  const { certFile, keyFile, names, clock, log } = options;
  let context = readPair(certFile, keyFile);
  /** A pair that does not fit is complained of once, not every ten seconds. */
  let refused: string | null = null;

  function look(onChanged: (context: TlsContext) => void): void {
    try {
      const next = readPair(certFile, keyFile);
      if (next.cert !== context.cert || next.key !== context.key) {
        onChanged(next);
        // Only now: what was not taken is tried again.
        context = next;
        log.info({ event: "tls.reloaded", certFile }, "certificate reloaded");
      }
      refused = null;
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      if (reason !== refused) log.error({ event: "tls.reloadFailed", certFile, reason }, "certificate not reloaded");
      refused = reason;
    }
  }

  return {
    trust: { type: "system" },
    answersTo(host) {
      return names.includes(host) || isNamedBy(new X509Certificate(context.cert), host);
    },
    context: () => context,
    watch(onChanged) {
      let cancelNext = (): void => {};
      const lookLater = (): void => {
        cancelNext = clock.callAfter(LOOK_INTERVAL_MS, () => {
          look(onChanged);
          lookLater();
        });
      };
      lookLater();
      return () => cancelNext();
    },
  };
}

/** `tls.unusable` where the two do not belong together: an ACME client writes one after the other. */
function readPair(certFile: string, keyFile: string): TlsContext {
  try {
    const pair = { cert: readFileSync(certFile, "utf8"), key: readFileSync(keyFile, "utf8") };
    if (new X509Certificate(pair.cert).checkPrivateKey(createPrivateKey(pair.key))) return pair;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new DroverError("tls.unusable", `${certFile} or ${keyFile} cannot be used: ${reason}.`, { cause });
  }
  throw new DroverError("tls.unusable", `The key in ${keyFile} is not that of the certificate in ${certFile}.`);
}
