import type { AttemptId } from "@drover/shared/domain/ids.ts";
import type { OnDisconnect } from "@drover/shared/domain/job.ts";

/** What a supervisor must know to run an attempt without its agent. */
export interface Launch {
  attemptId: AttemptId;
  /** Nothing is ever started from a launch of an earlier boot: its attempt was running when the machine went down. */
  bootId: string;
  timeoutMs: number | null;
  stopGraceMs: number;
  onDisconnect: OnDisconnect;
  workDir: string;
  /** cgroup v2 directory that the supervisor makes for the attempt, where the node has one to give. */
  cgroup: string | null;
  arguments: readonly string[];
  environment: Readonly<Record<string, string>>;
}

/**
 * The file `launch`: pairs of NUL-terminated strings, so that every byte an argument may hold survives without
 * quoting, and `tr '\0' '\n' < launch` reads well. native/launch.h is the other side.
 */
export function formatLaunch(launch: Launch): string {
  let text = `attemptId\0${launch.attemptId}\0bootId\0${launch.bootId}\0`;
  if (launch.timeoutMs !== null) text += `timeoutMs\0${launch.timeoutMs}\0`;
  text += `stopGraceMs\0${launch.stopGraceMs}\0onDisconnect\0${launch.onDisconnect}\0workDir\0${launch.workDir}\0`;
  if (launch.cgroup !== null) text += `cgroup\0${launch.cgroup}\0`;
  for (const argument of launch.arguments) text += `arg\0${argument}\0`;
  for (const [name, value] of Object.entries(launch.environment)) text += `env\0${name}=${value}\0`;
  return text;
}

/** The part of a launch that a restarted agent needs; `null` where the text is no launch. */
export function parseLaunchOrigin(text: string): { bootId: string; cgroup: string | null } | null {
  const strings = text.split("\0");
  const valueOf = (wanted: string) => {
    for (let i = 0; i + 1 < strings.length; i += 2) if (strings[i] === wanted) return strings[i + 1];
    return undefined;
  };
  const bootId = valueOf("bootId");
  return bootId === undefined ? null : { bootId, cgroup: valueOf("cgroup") ?? null };
}
