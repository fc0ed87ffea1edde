import { z } from "zod";
import { AttemptOutcome, AttemptUsage } from "../domain/attempt.ts";
import { AttemptId, JobId, NodeId } from "../domain/ids.ts";
import { Diagnosis } from "../domain/diagnosis.ts";
import { HEALTHY, NodeHealth } from "../domain/health.ts";
import { OnDisconnect } from "../domain/job.ts";
import { ModelFile, RevisionId } from "../domain/model.ts";
import { DesiredPlacement, PLACEMENT_PROBLEM_CODES, PlacementReport } from "../domain/placement.ts";
import { Hardware, NodeLoad, Site } from "../domain/node.ts";
import { Allocation, ResourceCapacity } from "../domain/resources.ts";

/** As far as a Date reaches: a clock may be wrong, but what it says must be sayable. */
const EpochMs = z.int().nonnegative().max(8.64e15);

/**
 * What an agent holds of one attempt, as it sees it. Level, not edge: the agent repeats it in every
 * hello until the coordinator says `forget`, so a lost message loses nothing.
 */
export const AttemptReport = z
  .object({
    attemptId: AttemptId,
    state: z.enum(["starting", "running", "stopping", "releasing", "ended"]),
    pid: z.int().nullable(),
    startedAtMs: EpochMs.nullable(),
    /** From `releasing` on. */
    outcome: AttemptOutcome.nullable(),
    endedAtMs: EpochMs.nullable(),
    /** Everything the attempt wrote; final from `releasing` on. */
    outputBytes: z.int().nonnegative(),
    usage: AttemptUsage.nullable(),
  })
  .refine((report) => report.state !== "ended" || report.outcome !== null, "an end has an outcome");
export type AttemptReport = z.infer<typeof AttemptReport>;

const OfferedCapacity = ResourceCapacity.refine(
  ({ gpuIds }) => new Set(gpuIds).size === gpuIds.length,
  "a device must not be offered twice",
);

export const Hello = z.object({
  type: z.literal("hello"),
  protocolVersion: z.int(),
  agentVersion: z.string(),
  nodeId: NodeId,
  name: z.string().min(1).max(200),
  /** Changes with every start of the machine; tells a restarted agent from a restarted machine. */
  bootId: z.string().min(1),
  /** Stays with the machine, where a clone of its disk has another; `null` where it says none. Since version 2. */
  machineId: z.string().min(1).max(200).nullable().default(null),
  /** Since version 2. */
  site: Site.nullable().default(null),
  capacity: OfferedCapacity,
  hardware: Hardware,
  health: NodeHealth.default(HEALTHY),
  attempts: z.array(AttemptReport),
  /** What it has of models; `null` of an agent that keeps none, or does not know of them. */
  placements: z.array(PlacementReport).nullable().default(null),
  /** A signature over what node-proof.ts says; `null` of a node that never joined. Since version 2. */
  proof: z.string().max(200).nullable().default(null),
});
export type Hello = z.infer<typeof Hello>;

/** What a node is and how it is; said again as a whole when any of it has changed since it was last said. */
export const NodeChanges = z.object({ hardware: Hardware, capacity: OfferedCapacity, health: NodeHealth });
export type NodeChanges = z.infer<typeof NodeChanges>;

export const Heartbeat = z.object({
  type: z.literal("heartbeat"),
  sequence: z.int().nonnegative(),
  load: NodeLoad,
  changes: NodeChanges.optional(),
  /** How many attempts the agent holds, those that it is dropping included; since version 2, `null` of version 1. */
  attemptCount: z.int().nonnegative().nullable().default(null),
});
export type Heartbeat = z.infer<typeof Heartbeat>;

export const AttemptReports = z.object({
  type: z.literal("attempts"),
  reports: z.array(AttemptReport),
});
export type AttemptReports = z.infer<typeof AttemptReports>;

/** The answer to `diagnose`; one of both is `null`. */
export const DiagnosisMade = z.object({
  type: z.literal("diagnosis"),
  requestId: z.int(),
  diagnosis: Diagnosis.nullable(),
  /** Why there is none. */
  problem: z.string().nullable(),
});
export type DiagnosisMade = z.infer<typeof DiagnosisMade>;

/** What has changed of models. Only to a coordinator that has spoken of models: an older one does not know it. */
export const PlacementReports = z.object({
  type: z.literal("placements"),
  reports: z.array(PlacementReport),
});
export type PlacementReports = z.infer<typeof PlacementReports>;

/** What an agent has to know to bring a revision; answered by `modelAnswer`. As PlacementReports. */
export const ModelQuery = z.object({
  type: z.literal("modelQuery"),
  requestId: z.int(),
  revisionId: RevisionId,
  query: z.discriminatedUnion("about", [
    z.object({ about: z.literal("manifest"), from: z.int().nonnegative() }),
    z.object({ about: z.literal("file"), path: z.string() }),
  ]),
});
export type ModelQuery = z.infer<typeof ModelQuery>;
/** The answer to `upgrade`, before the agent restarts as the other version. */
export const UpgradeMade = z.object({
  type: z.literal("upgradeMade"),
  requestId: z.int(),
  /** Why there is none; `null`: it is what is started next. */
  problem: z.string().nullable(),
});
export type UpgradeMade = z.infer<typeof UpgradeMade>;

export const AgentMessage = z.discriminatedUnion("type", [
  Hello,
  Heartbeat,
  AttemptReports,
  DiagnosisMade,
  PlacementReports,
  ModelQuery,
  UpgradeMade,
]);
export type AgentMessage = z.infer<typeof AgentMessage>;

const AssignedModel = z.object({ name: z.string(), revisionId: RevisionId });

/** What all attempts of a job in one frame have in common; said once in it, because it may be large. */
export const AssignedJob = z.object({
  jobId: JobId,
  jobName: z.string().nullable(),
  taskCount: z.int().positive(),
  command: z.array(z.string()).nullable(),
  script: z.string().nullable(),
  env: z.record(z.string(), z.string()),
  workDir: z.string().nullable(),
  timeoutMs: z.int().positive().nullable(),
  /** Between SIGTERM and SIGKILL. */
  stopGraceMs: z.int().nonnegative(),
  onDisconnect: z.enum(OnDisconnect),
  /** What its tasks read. An older agent is given no task that names one. */
  models: z.array(AssignedModel).optional(),
});
export type AssignedJob = z.infer<typeof AssignedJob>;

/** What is an attempt's own. */
export const AssignedAttempt = z.object({
  attemptId: AttemptId,
  jobId: JobId,
  taskIndex: z.int().nonnegative(),
  attemptNumber: z.int().positive(),
  allocation: Allocation,
});
export type AssignedAttempt = z.infer<typeof AssignedAttempt>;

/** Everything an agent needs to run one attempt, and all it will ever be told of it. */
export type Assignment = AssignedJob & AssignedAttempt;

/** What should become of an attempt that the agent has. */
export const HeldDesire = z.discriminatedUnion("desired", [
  /** It goes on. */
  z.object({ desired: z.literal("keep"), attemptId: AttemptId }),
  /** Stop it; if it is not there, report it as ended. */
  z.object({ desired: z.literal("stop"), attemptId: AttemptId, cause: z.enum(["canceled", "preempted"]) }),
  /** Its end is durable: drop it from the spool. */
  z.object({ desired: z.literal("forget"), attemptId: AttemptId }),
]);
export type HeldDesire = z.infer<typeof HeldDesire>;

/** What should be true of one attempt on this node; `run`: start it, unless it is there already. */
export type DesiredAttempt = HeldDesire | { desired: "run"; attemptId: AttemptId; assignment: Assignment };

/**
 * The answer to a hello: what should become of *all* that the agent has. What is not listed is stopped and
 * dropped. What it should have besides follows in `desired` frames.
 */
export const Welcome = z.object({
  type: z.literal("welcome"),
  protocolVersion: z.int(),
  /** Counted by the agent from when it sent the hello or heartbeat that this acknowledges. */
  leaseMs: z.int().positive(),
  heartbeatIntervalMs: z.int().positive(),
  attempts: z.array(HeldDesire),
  /** How many bytes of output the coordinator holds of each attempt that the agent still has. */
  outputOffsets: z.record(z.string(), z.int().nonnegative()),
});
export type Welcome = z.infer<typeof Welcome>;

/** The first frame of a connection: what a node that has joined signs in its hello. Others need not wait for it. */
export const Challenge = z.object({ type: z.literal("challenge"), fleetId: z.string(), nonce: z.string() });
export type Challenge = z.infer<typeof Challenge>;

export const Refused = z.object({ type: z.literal("refused"), code: z.string(), message: z.string() });
export type Refused = z.infer<typeof Refused>;

export const HeartbeatAck = z.object({
  type: z.literal("heartbeatAck"),
  sequence: z.int(),
  /** The coordinator's wall clock, by which an agent sees that its own is wrong. */
  nowMs: EpochMs.optional(),
});
export type HeartbeatAck = z.infer<typeof HeartbeatAck>;

/** Some of what should be; each attempt to run names a job of the same frame (desired-frames.ts). */
export const DesiredChanges = z.object({
  type: z.literal("desired"),
  jobs: z.array(AssignedJob),
  run: z.array(AssignedAttempt),
  held: z.array(HeldDesire),
});
export type DesiredChanges = z.infer<typeof DesiredChanges>;

/** The bytes [0, offset) of each attempt are stored. */
export const OutputAck = z.object({
  type: z.literal("outputAck"),
  offsets: z.array(z.object({ attemptId: AttemptId, offset: z.int().nonnegative() })),
});
export type OutputAck = z.infer<typeof OutputAck>;

/** What was sent from this offset on could not be stored: send it again. */
export const OutputResend = z.object({
  type: z.literal("outputResend"),
  attemptId: AttemptId,
  offset: z.int().nonnegative(),
});
export type OutputResend = z.infer<typeof OutputResend>;

/** Look at everything on the machine, for somebody who waits for it. An older agent does not know it, and is not asked. */
export const Diagnose = z.object({
  type: z.literal("diagnose"),
  requestId: z.int(),
  /** Also load each GPU that no attempt holds, where the node has a program for that. */
  burn: z.boolean(),
});
export type Diagnose = z.infer<typeof Diagnose>;

/** All that should become of models on this node. An older agent skips it. */
export const DesiredPlacements = z.object({ type: z.literal("models"), placements: z.array(DesiredPlacement) });
export type DesiredPlacements = z.infer<typeof DesiredPlacements>;

export const ModelAnswer = z.object({
  type: z.literal("modelAnswer"),
  requestId: z.int(),
  answer: z.discriminatedUnion("is", [
    /** Some of its files, and how many there are in all. */
    z.object({ is: z.literal("manifest"), files: z.array(ModelFile), fileCount: z.int() }),
    /** Good for a while, and for whoever has it: no credential is sent along. */
    z.object({ is: z.literal("address"), url: z.string() }),
    /** Of a small file that is only given out to the coordinator's token. */
    z.object({ is: z.literal("content"), base64: z.string() }),
    z.object({
      is: z.literal("problem"),
      code: z.enum(PLACEMENT_PROBLEM_CODES),
      message: z.string(),
      /** How long the source asked to be left alone. */
      retryAfterMs: z.int().nonnegative().optional(),
    }),
  ]),
});
export type ModelAnswer = z.infer<typeof ModelAnswer>;
/**
 * Become this version: fetch its archive from the coordinator, and restart as it. What does not come online is taken
 * back on the node itself. An older agent does not know it, and is not asked.
 */
export const Upgrade = z.object({
  type: z.literal("upgrade"),
  requestId: z.int(),
  version: z.string().min(1).max(100),
  /** Of the archive for this node. */
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
});
export type Upgrade = z.infer<typeof Upgrade>;

export const CoordinatorMessage = z.discriminatedUnion("type", [
  Challenge,
  Welcome,
  Refused,
  HeartbeatAck,
  DesiredChanges,
  OutputAck,
  OutputResend,
  Diagnose,
  DesiredPlacements,
  ModelAnswer,
  Upgrade,
]);
export type CoordinatorMessage = z.infer<typeof CoordinatorMessage>;

/** Text frames; output goes as binary frames (output-frame.ts). */
export const MAX_TEXT_FRAME_BYTES = 64 * 1024 * 1024;
