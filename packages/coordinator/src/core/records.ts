import type { AttemptOutcome, AttemptState, AttemptUsage, Blame } from "@drover/shared/domain/attempt.ts";
import type { NodeHealth } from "@drover/shared/domain/health.ts";
import type { AttemptId, JobId, NodeId } from "@drover/shared/domain/ids.ts";
import type { JobSpec, JobState } from "@drover/shared/domain/job.ts";
import type { Hardware, NodeAdmin, NodeLink } from "@drover/shared/domain/node.ts";
import type { ModelFile, PinnedSource, RevisionId } from "@drover/shared/domain/model.ts";
import type { PlacementProblem, PlacementState } from "@drover/shared/domain/placement.ts";
import type { Allocation, ResourceCapacity, ResourceRequest } from "@drover/shared/domain/resources.ts";
import type { Cause, TaskState } from "@drover/shared/domain/task.ts";
import type { ExpectedHardware } from "./expected-hardware.ts";

/** The rows of the fleet. Values, never changed in place: a change is a new record put in its table. */
export interface JobRecord {
  readonly id: JobId;
  readonly spec: JobSpec;
  readonly state: JobState;
  readonly cancelRequested: boolean;
  readonly tasksByState: Readonly<Record<TaskState, number>>;
  readonly submittedAtMs: number;
  readonly startedAtMs: number | null;
  readonly endedAtMs: number | null;
  /** The name of the token; `null` of jobs from before there were any. */
  readonly submittedBy: string | null;
  /** How long jobs of its name took when it was submitted; `null` where nobody knew. */
  readonly expectedMs: number | null;
  readonly idempotency: Idempotency | null;
}

/** A job without its spec: what a list shows, and can be read without reading megabytes of scripts. */
export interface JobSummaryRecord extends Omit<JobRecord, "spec" | "idempotency" | "expectedMs"> {
  readonly name: string | null;
  readonly taskCount: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly commandLine: string;
}

export interface Idempotency {
  readonly key: string;
  /** Of the submission's body, so that a key used for another request is noticed. */
  readonly requestSha256: string;
}

export interface TaskRecord {
  readonly jobId: JobId;
  readonly index: number;
  readonly state: TaskState;
  readonly cause: Cause;
  readonly sinceMs: number;
  /** The job's request: one object for all tasks of a job. */
  readonly request: ResourceRequest;
  /** Number of the latest attempt; 0 before the first. */
  readonly attemptNumber: number;
  /** The attempt that holds resources for this task now. */
  readonly liveAttemptId: AttemptId | null;
  /** Ends to blame on the user: what `retries` counts. */
  readonly userFailures: number;
  /** Ends that were nobody's fault here: nodes lost, starts that the node failed. */
  readonly faultlessEnds: number;
}

/** Why an attempt was told to stop. */
export type StopCause = "canceled" | "preempted" | "gpuLost";

export interface AttemptRecord {
  readonly id: AttemptId;
  readonly jobId: JobId;
  readonly taskIndex: number;
  readonly number: number;
  readonly nodeId: NodeId;
  /** The boot of the node that it was assigned in: it can never start in another. */
  readonly bootId: string;
  readonly state: AttemptState;
  /** Set when it was told to stop. */
  readonly stopCause: StopCause | null;
  readonly allocation: Allocation;
  readonly pid: number | null;
  readonly outcome: AttemptOutcome | null;
  readonly blame: Blame | null;
  /** Everything it wrote; `null` while it lives and where its node never said: then what is stored is all there is. */
  readonly outputBytes: number | null;
  readonly usage: AttemptUsage | null;
  readonly assignedAtMs: number;
  readonly startedAtMs: number | null;
  readonly endedAtMs: number | null;
}

export interface NodeRecord {
  readonly id: NodeId;
  readonly name: string;
  readonly link: NodeLink;
  readonly linkSinceMs: number;
  /** Since when an operator says that it will not come back; over when it is heard again. */
  readonly goneSinceMs: number | null;
  readonly admin: NodeAdmin;
  /** `null` as long as nobody has said anything. */
  readonly adminChange: AdminChange | null;
  readonly agentVersion: string;
  readonly bootId: string;
  /** Another one under this node's id is a clone; `null` as long as none was said. */
  readonly machineId: string | null;
  readonly site: string | null;
  /** What it was given when it joined. */
  readonly labels: Readonly<Record<string, string>>;
  readonly capacity: ResourceCapacity;
  readonly hardware: Hardware;
  /** What it says of itself, and what is missing of what it once had. */
  readonly health: NodeHealth;
  readonly expected: ExpectedHardware;
  readonly releasedGpus: readonly ReleasedGpu[];
  /** The lease that its last welcome granted. */
  readonly leaseMs: number;
  readonly joinedAtMs: number;
}

/** A name, and what it was resolved to. */
export interface ModelRecord {
  readonly name: string;
  readonly reference: string;
  readonly include: readonly string[];
  readonly exclude: readonly string[];
  readonly revisionId: RevisionId;
  readonly addedAtMs: number;
  readonly addedBy: string;
  readonly isRemoved: boolean;
}

export interface RevisionRecord {
  readonly id: RevisionId;
  readonly source: PinnedSource;
  readonly fileCount: number;
  readonly sizeBytes: number;
  readonly resolvedAtMs: number;
}

/** One revision on one node, as it was last said to be. */
export interface PlacementRecord {
  readonly nodeId: NodeId;
  readonly revisionId: RevisionId;
  readonly state: PlacementState;
  /** It stays until an operator says otherwise. */
  readonly isPinned: boolean;
  /** Who wanted it there; `null` where it was found there, or a job wants it. */
  readonly actor: string | null;
  readonly sinceMs: number;
  /** When it was last written down. */
  readonly notedAtMs: number;
  readonly bytesDone: number;
  readonly problem: PlacementProblem | null;
  readonly retryAtMs: number | null;
}

/** What a revision holds. In memory only until it is stored: it may be long, and is seldom asked for. */
export interface ManifestRecord {
  readonly revisionId: RevisionId;
  readonly files: readonly ModelFile[];
}

/** An operator's word about one quarantine: of this GPU, begun then. The next one is another. */
export interface ReleasedGpu {
  readonly gpuId: string;
  readonly sinceMs: number;
}

/** Since when a node's `admin` is what it is, and by whose word: for `drained`, who asked for the drain. */
export interface AdminChange {
  readonly sinceMs: number;
  readonly actor: string;
  readonly reason: string | null;
  /** Of a drain: what still runs then is stopped. */
  readonly deadlineMs: number | null;
}

/** A site, or the whole fleet, whose nodes fell silent together: see site-freeze.ts. */
export interface Freeze {
  readonly scope: "site" | "fleet";
  /** `null` for the fleet, and for the nodes that name no site. */
  readonly site: string | null;
  readonly sinceMs: number;
  readonly sinceMonotonicMs: number;
  readonly awayCount: number;
  readonly presentCount: number;
  readonly isOver: boolean;
}

/**
 * A node that cannot start what it is given (its spool is full, it has no process slots) ends each attempt
 * at once, and so would be the first with room again: without a pause it drains the whole queue into failure.
 */
export interface Cooldown {
  readonly nodeId: NodeId;
  /** Starts that failed in a row, and were the node's own doing. */
  readonly failureCount: number;
  /** Until then it gets nothing new. */
  readonly untilMonotonicMs: number;
  readonly isOver: boolean;
}
