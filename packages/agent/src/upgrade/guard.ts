import { readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Clock } from "@drover/shared/clock.ts";
import { z } from "zod";
import { describeLinkStatus, readLinkStatus } from "../link-status.ts";
import { installationOf } from "./installation.ts";
import { removeOthers, switchTo } from "./install-version.ts";

const LOOK_EVERY_MS = 250;

export interface GuardedUpgrade {
  prefix: string;
  dataDir: string;
  from: string;
  to: string;
  timeoutMs: number;
}

/** What became of the last upgrade, for the agent to say once. */
export const UpgradeOutcome = z.object({ from: z.string(), to: z.string(), reason: z.string().nullable() });
export type UpgradeOutcome = z.infer<typeof UpgradeOutcome>;

/**
 * Stands by while a new version starts, as a process of the old one. If that is not online in time, the old one is
 * what is started next, and what runs of the new one is ended. Jobs have supervisors of their own and notice nothing.
 */
export async function guardUpgrade(upgrade: GuardedUpgrade, clock: Clock): Promise<UpgradeOutcome> {
  const { prefix, dataDir, from, to, timeoutMs } = upgrade;
  const endMs = clock.monotonicMs() + timeoutMs;
  while (clock.monotonicMs() < endMs) {
    const status = readLinkStatus(dataDir);
    if (status?.agentVersion === to && status.link === "online") {
      removeOthers(prefix, [from, to]);
      return tell(dataDir, { from, to, reason: null });
    }
    await new Promise<void>((resolve) => void clock.callAfter(LOOK_EVERY_MS, resolve));
  }
  const last = readLinkStatus(dataDir);
  const seen = last?.agentVersion === to ? describeLinkStatus(last) : `no agent of version ${to} runs`;
  switchTo(prefix, from);
  const outcome = tell(dataDir, { from, to, reason: `after ${timeoutMs / 1000} s ${seen}` });
  // A service manager or the loop starts what `current` names now.
  for (const pid of agentsOf(prefix, to)) end(pid);
  return outcome;
}

function tell(dataDir: string, outcome: UpgradeOutcome): UpgradeOutcome {
  const path = outcomeFile(dataDir);
  writeFileSync(`${path}.new`, `${JSON.stringify(outcome)}\n`, { mode: 0o600 });
  renameSync(`${path}.new`, path);
  return outcome;
}

/** `null` where there was none since it was taken last. */
export function takeOutcome(dataDir: string): UpgradeOutcome | null {
  try {
    const outcome = UpgradeOutcome.parse(JSON.parse(readFileSync(outcomeFile(dataDir), "utf8")));
    rmSync(outcomeFile(dataDir));
    return outcome;
  } catch {
    return null;
  }
}

function outcomeFile(dataDir: string): string {
  return join(dataDir, "upgrade.json");
}

/** Processes of this version's agent, commands such as `probe` included. */
function agentsOf(prefix: string, version: string): number[] {
  return readdirSync("/proc").flatMap((name) => {
    const installation = /^\d+$/.test(name) ? installationOf(programOf(name)) : null;
    return installation?.prefix === prefix && installation.version === version ? [Number(name)] : [];
  });
}

function programOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0")[1] ?? "";
  } catch {
    return "";
  }
}

function end(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It ended by itself.
  }
}
