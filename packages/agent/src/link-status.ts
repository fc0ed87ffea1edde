import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Clock } from "@drover/shared/clock.ts";
import { z } from "zod";
import type { AgentLogLine } from "./log.ts";

const LinkState = z.enum(["connecting", "online", "offline", "refused"]);

/** What a running agent says of its connection, in the file `status.json`: for whoever asks on the machine itself. */
export const LinkStatus = z.object({
  pid: z.int(),
  name: z.string(),
  coordinator: z.string(),
  agentVersion: z.string(),
  link: LinkState,
  /** Why it is not online. */
  reason: z.string().nullable(),
  sinceMs: z.int(),
});
export type LinkStatus = z.infer<typeof LinkStatus>;

/** What a log line of the agent says about its connection; `null`: nothing. */
export function linkStateOf(
  line: AgentLogLine,
  fields: Readonly<Record<string, unknown>> = {},
): Pick<LinkStatus, "link" | "reason"> | null {
  if (line === "agent.connected") return { link: "online", reason: null };
  const reason = String(fields["reason"]);
  if (line === "agent.refusedByCoordinator") return { link: "refused", reason: `${String(fields["code"])}: ${reason}` };
  // That it was refused, the line before said better.
  if (line === "agent.disconnected" && !reason.startsWith("refused: ")) return { link: "offline", reason };
  return null;
}

export function describeLinkStatus({ link, name, coordinator, reason }: LinkStatus): string {
  const what = {
    online: `node ${name} is online at ${coordinator}`,
    connecting: `node ${name} has not reached ${coordinator} yet`,
    offline: `node ${name} does not reach ${coordinator}: ${reason}`,
    refused: `${coordinator} refuses node ${name}: ${reason}`,
  };
  return what[link];
}

export function writeLinkStatus(dataDir: string, status: LinkStatus): void {
  const path = join(dataDir, "status.json");
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  writeFileSync(`${path}.new`, `${JSON.stringify(status)}\n`, { mode: 0o600 });
  renameSync(`${path}.new`, path);
}

/** Of the agent that runs now; `null` where none does. */
export function readLinkStatus(dataDir: string): LinkStatus | null {
  try {
    const status = LinkStatus.parse(JSON.parse(readFileSync(join(dataDir, "status.json"), "utf8")));
    process.kill(status.pid, 0);
    return status;
  } catch (error) {
    // Alive, and another user's.
    if (error instanceof Error && "code" in error && error.code === "EPERM") throw error;
    return null;
  }
}

const LOOK_EVERY_MS = 200;

/** Resolves to the first status that is online, or to the last one seen when the time is over. */
export async function waitUntilOnline(dataDir: string, timeoutMs: number, clock: Clock): Promise<LinkStatus | null> {
  const endMs = clock.monotonicMs() + timeoutMs;
  for (;;) {
    const status = readLinkStatus(dataDir);
    if (status?.link === "online" || clock.monotonicMs() >= endMs) return status;
    await new Promise<void>((resolve) => void clock.callAfter(LOOK_EVERY_MS, resolve));
  }
}
