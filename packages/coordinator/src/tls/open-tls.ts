import { assertNever } from "@drover/shared/assert.ts";
import type { Clock } from "@drover/shared/clock.ts";
import type { CoordinatorConfig } from "../config.ts";
import type { Log } from "../telemetry/log.ts";
import { openGivenCertificate } from "./given-certificate.ts";
import { openOwnCertificate } from "./own-certificate.ts";
import type { ServerTls } from "./server-tls.ts";

/** On the machine itself it is reached by these too, whatever it is called elsewhere. */
const LOOPBACK_NAMES = ["localhost", "127.0.0.1", "::1"];

/** `null`: plain HTTP. */
export async function openTls(config: CoordinatorConfig, clock: Clock, log: Log): Promise<ServerTls | null> {
  const { tls, names, dataDir } = config;
  switch (tls.type) {
    case "none":
      return null;
    case "own":
      return openOwnCertificate({ dataDir, names: [...new Set([...names, ...LOOPBACK_NAMES])], clock, log });
    case "given":
      return openGivenCertificate({ ...tls, names, clock, log });
    default:
      return assertNever(tls);
  }
}
