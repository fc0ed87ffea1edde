import { execFile } from "node:child_process";
import { Hardware } from "@drover/shared/domain/node.ts";
import { readBasicHardware } from "./hardware.ts";

const PROBE_TIMEOUT_MS = 30_000;

/**
 * Reads the hardware in a process of its own (`drover-agent probe`), so that what it needs leaves our memory again
 * and a vendor's tool that hangs cannot hang us. Always yields something: a node with fewer facts is still a node.
 */
export function probeHardware(probeCommand: readonly [string, ...string[]]): Promise<Hardware> {
  const [program, ...words] = probeCommand;
  return new Promise((resolve) => {
    execFile(program, words, { timeout: PROBE_TIMEOUT_MS, killSignal: "SIGKILL" }, (error, stdout) => {
      const hardware = parseHardware(stdout);
      if (hardware !== null) return resolve(hardware);
      const basic = readBasicHardware();
      const reason = error === null ? "its answer makes no sense" : error.killed ? "no answer in time" : error.message;
      resolve({ ...basic, warnings: [`the hardware probe failed, GPUs are unknown: ${reason.split("\n")[0]}`] });
    });
  });
}

function parseHardware(stdout: string): Hardware | null {
  try {
    return Hardware.parse(JSON.parse(stdout));
  } catch {
    return null;
  }
}
