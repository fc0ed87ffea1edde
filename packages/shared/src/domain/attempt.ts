import { z } from "zod";
import { assertNever } from "../assert.ts";
import { formatBytes } from "../units.ts";
import { Cause } from "./task.ts";

/**
 * One try at one task on one node.
 *
 *   assigned ──► starting ──► running ──► stopping ──► releasing ──► ended
 *
 * Any state may be skipped forwards, because an agent reports what it sees and not every step on the
 * way; none is ever left backwards. `staging` stands before `assigned` when something must be fetched.
 */
export const AttemptState = {
  staging: "staging",
  /** The coordinator decided; the node may not know yet. */
  assigned: "assigned",
  /** The agent has it in its spool. */
  starting: "starting",
  running: "running",
  /** It was told to stop (cancel, timeout) and its processes may still be alive. */
  stopping: "stopping",
  /** Its command has ended; processes it left, output and devices are being cleaned up. */
  releasing: "releasing",
  ended: "ended",
} as const;
export type AttemptState = (typeof AttemptState)[keyof typeof AttemptState];

export const ATTEMPT_STATE_ORDER: readonly AttemptState[] = [
  "staging",
  "assigned",
  "starting",
  "running",
  "stopping",
  "releasing",
  "ended",
];

export function isLaterAttemptState(later: AttemptState, earlier: AttemptState): boolean {
  return ATTEMPT_STATE_ORDER.indexOf(later) > ATTEMPT_STATE_ORDER.indexOf(earlier);
}

export const StartFailure = {
  /** No such program in the task's PATH. */
  commandNotFound: "commandNotFound",
  /** The file is there but may not be executed. */
  commandNotExecutable: "commandNotExecutable",
  /** The working directory does not exist or may not be entered. */
  workDirUnusable: "workDirUnusable",
  /** The node could not make the process: no memory, no process slots, no disk. */
  nodeOutOfResources: "nodeOutOfResources",
  /** Anything else the node's supervisor met before the command ran; see the message. */
  supervisorFailed: "supervisorFailed",
} as const;
export type StartFailure = (typeof StartFailure)[keyof typeof StartFailure];

export const NodeLoss = {
  /** Its lease ran out: it was stopped, so that the task may run elsewhere. */
  leaseExpired: "leaseExpired",
  /** The machine restarted under it. */
  rebooted: "rebooted",
  /** Its supervisor is gone and left no exit status. */
  supervisorLost: "supervisorLost",
  /** The node came back and no longer knows of it. */
  forgotten: "forgotten",
  /** An operator said that the node will not come back. */
  declaredGone: "declaredGone",
} as const;
export type NodeLoss = (typeof NodeLoss)[keyof typeof NodeLoss];

/** How an attempt ended. What only one kind of end has lies in that variant. */
export const AttemptOutcome = z
  .discriminatedUnion("type", [
    z.object({ type: z.literal("exited"), code: z.int().min(0).max(255) }),
    z.object({ type: z.literal("signaled"), signal: z.string() }),
    z.object({
      type: z.literal("outOfMemory"),
      /** Its own, which it had used up; `null`: the machine ran out of memory while it kept to what it asked for. */
      limitBytes: z.int().nonnegative().nullable().default(null),
      peakBytes: z.int().nonnegative().nullable().default(null),
    }),
    z.object({ type: z.literal("timedOut") }),
    z.object({ type: z.literal("canceled") }),
    z.object({ type: z.literal("preempted") }),
    /** A GPU that it held fell out, and it was stopped: what waits for such a GPU waits for ever. */
    z.object({ type: z.literal("gpuLost"), gpuIds: z.array(z.string()), evidence: z.string() }),
    z.object({ type: z.literal("startFailed"), code: z.enum(StartFailure), message: z.string() }),
    z.object({ type: z.literal("nodeLost"), code: z.enum(NodeLoss) }),
  ])
  .meta({ id: "AttemptOutcome" });
export type AttemptOutcome = z.infer<typeof AttemptOutcome>;

/** Whose doing an end was. Only `user` uses up the user's retries. */
export const Blame = {
  none: "none",
  user: "user",
  hardware: "hardware",
  node: "node",
  provider: "provider",
  operator: "operator",
  system: "system",
} as const;
export type Blame = (typeof Blame)[keyof typeof Blame];

export function blameFor(outcome: AttemptOutcome): Blame {
  switch (outcome.type) {
    case "exited":
      return outcome.code === 0 ? Blame.none : Blame.user;
    case "outOfMemory":
      return outcome.limitBytes === null ? Blame.node : Blame.user;
    case "signaled":
    case "timedOut":
    case "canceled":
      return Blame.user;
    case "preempted":
      return Blame.system;
    case "gpuLost":
      return Blame.hardware;
    case "startFailed":
      return outcome.code === "nodeOutOfResources" || outcome.code === "supervisorFailed" ? Blame.node : Blame.user;
    case "nodeLost":
      return Blame.node;
    default:
      return assertNever(outcome);
  }
}

export function causeOf(outcome: AttemptOutcome): Cause {
  if (outcome.type === "exited") return outcome.code === 0 ? Cause.exitedZero : Cause.exitedNonZero;
  return Cause[outcome.type];
}

/** One phrase for people: `exit code 3`, `killed by SIGKILL`, `could not start: commandNotFound`. */
export function describeOutcome(outcome: AttemptOutcome): string {
  switch (outcome.type) {
    case "exited":
      return `exit code ${outcome.code}`;
    case "signaled":
      return `killed by ${outcome.signal}`;
    case "outOfMemory":
      return describeOutOfMemory(outcome);
    case "timedOut":
      return "timed out";
    case "canceled":
      return "canceled";
    case "preempted":
      return "preempted";
    case "gpuLost":
      return `lost ${outcome.gpuIds.join(", ")}: ${outcome.evidence}`;
    case "startFailed":
      return `could not start: ${outcome.message}`;
    case "nodeLost":
      return `node lost (${outcome.code})`;
    default:
      return assertNever(outcome);
  }
}

function describeOutOfMemory({ limitBytes, peakBytes }: Extract<AttemptOutcome, { type: "outOfMemory" }>): string {
  const peak = peakBytes === null ? "" : `, it had used ${formatBytes(peakBytes)}`;
  return limitBytes === null
    ? `killed because the machine ran out of memory${peak}`
    : `out of memory: its limit is ${formatBytes(limitBytes)}${peak}`;
}

/** What the GPUs of an attempt did for it, of all of them together. `null` where their tools do not say. */
export const GpuUsage = z
  .object({
    /** For how long they were watched. */
    measuredMs: z.int().nonnegative(),
    utilizationMeanPercent: z.number().min(0).max(100).nullable(),
    utilizationPeakPercent: z.number().min(0).max(100).nullable(),
    memoryPeakBytes: z.int().nonnegative().nullable(),
    memoryTotalBytes: z.int().nonnegative().nullable(),
    energyJoules: z.number().nonnegative().nullable(),
  })
  .meta({ id: "GpuUsage" });
export type GpuUsage = z.infer<typeof GpuUsage>;

/** What the kernel accounted to the attempt's process tree. Fields with a default are newer than the first release. */
export const AttemptUsage = z
  .object({
    cpuMs: z.int().nonnegative(),
    maxRssBytes: z.int().nonnegative().meta({ description: "Of its largest process" }),
    memoryPeakBytes: z
      .int()
      .nonnegative()
      .nullable()
      .default(null)
      .meta({ description: "Of all its processes together, files in the page cache included; null: nobody counted" }),
    memoryLimitBytes: z
      .int()
      .nonnegative()
      .nullable()
      .default(null)
      .meta({ description: "What the kernel held it to; null: nothing did" }),
    /** `null`: it had none, or ended before anybody looked. */
    gpus: GpuUsage.nullable().default(null),
  })
  .meta({ id: "AttemptUsage" });
export type AttemptUsage = z.infer<typeof AttemptUsage>;
