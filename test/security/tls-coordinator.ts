import { readFileSync } from "node:fs";
import { join } from "node:path";
import { getCACertificates, setDefaultCACertificates } from "node:tls";
import { RunningCoordinator } from "@drover/coordinator/testing/running-coordinator.ts";

/** With an authority of its own, which this process trusts from then on. */
export async function startTlsCoordinator(): Promise<{ coordinator: RunningCoordinator; authorityPem: string }> {
  const coordinator = await RunningCoordinator.start(undefined, { names: ["localhost"], tls: { type: "own" } });
  const authorityPem = readFileSync(join(coordinator.dataDir, "tls/ca.pem"), "utf8");
  setDefaultCACertificates([...getCACertificates("default"), authorityPem]);
  return { coordinator, authorityPem };
}
