import { assertNever } from "@drover/shared/assert.ts";
import { StartFailure, type AttemptOutcome, type AttemptUsage } from "@drover/shared/domain/attempt.ts";
import { parseLines, wholeNumber } from "./lines.ts";

/** Who may start the attempt's command: written once, by the supervisor that does. */
export interface Claim {
  /** 0 where the agent took the claim itself, so that the command never starts. */
  supervisorPid: number;
  /** Clock ticks since boot; tells the supervisor from a later process with the same pid. */
  supervisorStartTicks: number;
  /** 0 where there never was a command. */
  commandPid: number;
  startedAtMs: number;
}

/** How an attempt ended; the last thing that is written about it. */
export interface ExitRecord {
  outcome: AttemptOutcome;
  endedAtMs: number;
  outputBytes: number;
  usage: AttemptUsage | null;
}

/** `null` where the text is no claim. */
export function parseClaim(text: string): Claim | null {
  const lines = parseLines(text);
  const supervisorPid = wholeNumber(lines.get("supervisorPid"));
  const supervisorStartTicks = wholeNumber(lines.get("supervisorStartTicks"));
  const commandPid = wholeNumber(lines.get("commandPid"));
  const startedAtMs = wholeNumber(lines.get("startedAtMs"));
  if (supervisorPid === null || supervisorStartTicks === null || commandPid === null || startedAtMs === null) {
    return null;
  }
  return { supervisorPid, supervisorStartTicks, commandPid, startedAtMs };
}

export function formatClaim(claim: Claim): string {
  return (
    `supervisorPid ${claim.supervisorPid}\nsupervisorStartTicks ${claim.supervisorStartTicks}\n` +
    `commandPid ${claim.commandPid}\nstartedAtMs ${claim.startedAtMs}\n`
  );
}

/** `null` where the text is no exit record: after a power loss a file may be there without its contents. */
export function parseExit(text: string): ExitRecord | null {
  const lines = parseLines(text);
  const outcome = parseOutcome(lines);
  const endedAtMs = wholeNumber(lines.get("endedAtMs"));
  const outputBytes = wholeNumber(lines.get("outputBytes"));
  if (outcome === null || endedAtMs === null || outputBytes === null) return null;
  return { outcome, endedAtMs, outputBytes, usage: parseUsage(lines) };
}

function parseUsage(lines: Map<string, string>): AttemptUsage | null {
  const cpuMs = wholeNumber(lines.get("cpuMs"));
  const maxRssBytes = wholeNumber(lines.get("maxRssBytes"));
  if (cpuMs === null || maxRssBytes === null) return null;
  const memoryPeakBytes = wholeNumber(lines.get("memoryPeakBytes"));
  const memoryLimitBytes = wholeNumber(lines.get("memoryLimitBytes"));
  // What GPUs did is no supervisor's business.
  return { cpuMs, maxRssBytes, memoryPeakBytes, memoryLimitBytes, gpus: null };
}

/** Why the tree was stopped comes before how its first process then ended: that was only the consequence. */
function parseOutcome(lines: Map<string, string>): AttemptOutcome | null {
  const failure = lines.get("failure");
  if (failure !== undefined) {
    const code = Object.values(StartFailure).find((known) => known === failure) ?? StartFailure.supervisorFailed;
    return { type: "startFailed", code, message: lines.get("message") ?? failure };
  }
  const cause = lines.get("cause");
  switch (cause) {
    case "none":
      return parseOwnEnd(lines);
    case "timedOut":
    case "canceled":
    case "preempted":
      return { type: cause };
    case "leaseExpired":
    case "rebooted":
    case "supervisorLost":
    case "forgotten":
      return { type: "nodeLost", code: cause };
    // Somebody else than the agent ended the supervisor, and it took the command down in good order.
    case "supervisorStopped":
      return { type: "nodeLost", code: "supervisorLost" };
    case undefined:
    default:
      return null;
  }
}

function parseOwnEnd(lines: Map<string, string>): AttemptOutcome | null {
  const signal = lines.get("signal");
  const code = wholeNumber(lines.get("exitCode"));
  if (signal === undefined && (code === null || code > 255)) return null;
  const killedFor = lines.get("killedForMemoryOf");
  // A worker may have been killed and its parent have failed of that. One that came through all the same did not fail.
  if (killedFor !== undefined && code !== 0) {
    const limitBytes = killedFor === "attempt" ? wholeNumber(lines.get("memoryLimitBytes")) : null;
    return { type: "outOfMemory", limitBytes, peakBytes: wholeNumber(lines.get("memoryPeakBytes")) };
  }
  return signal === undefined ? { type: "exited", code: code ?? 0 } : { type: "signaled", signal };
}

/** The same form that the supervisor writes, for the ends that only the agent can know of. */
export function formatExit(exit: ExitRecord): string {
  const ends = `endedAtMs ${exit.endedAtMs}\noutputBytes ${exit.outputBytes}\n`;
  return `${formatOutcome(exit.outcome)}${ends}${exit.usage === null ? "" : formatUsage(exit.usage)}`;
}

function formatUsage({ cpuMs, maxRssBytes, memoryPeakBytes, memoryLimitBytes }: AttemptUsage): string {
  const peak = memoryPeakBytes === null ? "" : `memoryPeakBytes ${memoryPeakBytes}\n`;
  const limit = memoryLimitBytes === null ? "" : `memoryLimitBytes ${memoryLimitBytes}\n`;
  return `cpuMs ${cpuMs}\nmaxRssBytes ${maxRssBytes}\n${peak}${limit}`;
}

function formatOutcome(outcome: AttemptOutcome): string {
  switch (outcome.type) {
    case "exited":
      return `exitCode ${outcome.code}\ncause none\n`;
    case "signaled":
      return `signal ${outcome.signal}\ncause none\n`;
    case "startFailed":
      return `failure ${outcome.code}\nmessage ${outcome.message.replaceAll("\n", " ")}\ncause none\n`;
    case "nodeLost":
      return `cause ${outcome.code}\n`;
    case "timedOut":
    case "canceled":
    case "preempted":
      return `cause ${outcome.type}\n`;
    // Only the coordinator comes to this end; its agent is told to make room.
    case "gpuLost":
      return "cause preempted\n";
    // What was its limit and its peak stands with the rest of its usage.
    case "outOfMemory":
      return `signal SIGKILL\ncause none\nkilledForMemoryOf ${outcome.limitBytes === null ? "machine" : "attempt"}\n`;
    default:
      return assertNever(outcome);
  }
}
