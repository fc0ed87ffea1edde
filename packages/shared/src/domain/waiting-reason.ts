import { z } from "zod";
import { JobId } from "./ids.ts";

/**
 * Why a queued task waits. Ranked: the first that applies is the task's one reason.
 * `text` is for people; the code is for machines and never changes its meaning.
 */
export const WAITING_REASONS = {
  dependency: {
    text: "it comes after jobs that have not ended",
    advice: "see what they do with `drover job ID`",
  },
  noNodes: {
    text: "no node has joined the fleet yet",
    advice: "start an agent: drover-agent --coordinator URL --data-dir DIR",
  },
  noNodeCouldEverFit: {
    text: "no node in the fleet is large enough",
    advice: "ask for less, or add a node that has this much in all",
  },
  awaitsModel: {
    text: "no node that is large enough and takes work has its models yet",
    advice: "it starts when they are there; `drover models` says how far they are, and why where one cannot be brought",
  },
  fittingNodesUnavailable: {
    text: "every node that is large enough is offline, or takes no new work for now",
    advice: "see `drover nodes`",
  },
  keptForEarlier: {
    text: "the room that there is for it is kept for a task that comes first",
    advice: "say with timeout how long it takes: what ends before that task can start is let past it",
  },
  noNodeFitsNow: {
    text: "every node that is large enough and takes work is busy",
    advice: "it starts when enough of what runs there has ended",
  },
} as const satisfies Record<string, { text: string; advice: string }>;
export type WaitingReasonCode = keyof typeof WAITING_REASONS;

const REASON_CODES = Object.keys(WAITING_REASONS) as [WaitingReasonCode, ...WaitingReasonCode[]];

/** What stands between a task and one node; `null` amounts are not the obstacle. */
export const NodeVerdict = z
  .object({
    nodeId: z.string(),
    nodeName: z.string(),
    verdict: z.enum([
      "tooSmall",
      "unavailable",
      "coolingDown",
      "cordoned",
      "draining",
      "drained",
      "kept",
      "busy",
      "lacksModel",
    ]),
    /** What the node lacks: in all for `tooSmall`, right now for `busy`. */
    missing: z.object({
      cpuMilli: z.int().nonnegative(),
      memoryBytes: z.int().nonnegative(),
      gpuCount: z.int().nonnegative(),
    }),
  })
  .meta({ id: "NodeVerdict" });
export type NodeVerdict = z.infer<typeof NodeVerdict>;

/** What can keep a task from a node, in the order in which it is told. */
export const CONSTRAINTS = {
  availability: "are offline, or take no new work for now",
  models: "do not have the models that it names",
  gpuModels: "have too few GPUs of the models that it names",
  gpuMemory: "have too few GPUs with as much memory in all",
  gpus: "have too little GPU free",
  cpus: "have too few CPUs free",
  memory: "have too little memory free",
  reservation: "are kept for a task that comes first",
} as const;
export type Constraint = keyof typeof CONSTRAINTS;
const CONSTRAINT_NAMES = Object.keys(CONSTRAINTS) as [Constraint, ...Constraint[]];

/** One constraint and the nodes that it keeps a task from; one node may be ruled out by several. */
export const ConstraintCount = z
  .object({
    constraint: z.enum(CONSTRAINT_NAMES),
    /** So many nodes it rules out. */
    nodeCount: z.int().positive(),
    /** On so many of them nothing else stands in the way: without this constraint the task would start now. */
    soleCount: z.int().nonnegative(),
  })
  .meta({ id: "ConstraintCount" });
export type ConstraintCount = z.infer<typeof ConstraintCount>;

/** Where a task can probably start first, and when. */
export const ExpectedStart = z
  .object({
    nodeId: z.string(),
    nodeName: z.string(),
    /** Nothing that comes later is let in there that would make it start later. */
    isKept: z.boolean(),
    /** So many attempts have to end there first. */
    awaitedCount: z.int().nonnegative(),
    /** The jobs that they belong to; at most 5. */
    awaitedJobIds: z.array(JobId),
    /** From now; `null` where one of those jobs has no timeout, and nobody knows how long such jobs take. */
    inMs: z.int().nonnegative().nullable(),
    /** By timeouts alone, which no attempt outlives; else by how long jobs of the same name took before. */
    isBound: z.boolean(),
  })
  .meta({ id: "ExpectedStart" });
export type ExpectedStart = z.infer<typeof ExpectedStart>;

export const WaitingReason = z
  .object({
    code: z.enum(REASON_CODES),
    message: z.string(),
    /** The verdict per node behind it, the nearest miss first; at most 20. */
    nodes: z.array(NodeVerdict),
    /** How many nodes there are in all. */
    nodeCount: z.int().nonnegative(),
    /** Those that rule any node out. */
    constraints: z.array(ConstraintCount),
    /** So many waiting tasks come before the job's first one, whatever they ask for; those of jobs that wait for others not counted. */
    aheadCount: z.int().nonnegative(),
    /** `null` where no node that takes work is large enough, and where something else holds it. */
    start: ExpectedStart.nullable(),
  })
  .meta({ id: "WaitingReason" });
export type WaitingReason = z.infer<typeof WaitingReason>;
