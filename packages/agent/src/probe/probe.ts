import type { Clock } from "@drover/shared/clock.ts";
import { Hardware } from "@drover/shared/domain/node.ts";
import { readBasicHardware } from "./hardware.ts";
import { createRunTool } from "./run-tool.ts";

/** Longer than everything that the probe itself gives a deadline to. */
const PROBE_TIMEOUT_MS = 40_000;

/**
 * Reads the hardware in a process of its own (`drover-agent probe`), so that what it needs leaves our memory again
 * and a vendor's tool that hangs cannot hang us. Always yields something: a node with fewer facts is still a node.
 */
export async function probeHardware(
  probeCommand: readonly [string, ...string[]],
  clock: Clock,
  timeoutMs = PROBE_TIMEOUT_MS,
): Promise<Hardware> {
  const [program, ...words] = probeCommand;
  const run = await createRunTool(clock)(program, words, timeoutMs);
  // Also of a probe that never ended: what it printed is whole, and only a dead network volume keeps it.
  const hardware = parseHardware(run?.stdout ?? "");
  if (hardware !== null) return hardware;
  const said = run === null ? `there is no ${program}` : run.stderr.trim().split("\n").at(-1);
  const reason = run?.timedOut ? "no answer in time" : said || "its answer makes no sense";
  return { ...readBasicHardware(), warnings: [`the hardware probe failed, GPUs are unknown: ${reason}`] };
}

function parseHardware(stdout: string): Hardware | null {
  try {
    return Hardware.parse(JSON.parse(stdout));
  } catch {
    return null;
  }
}
