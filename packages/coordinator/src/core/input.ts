import type { JobId, NodeId } from "@drover/shared/domain/ids.ts";
import type { JobSpec, JobState } from "@drover/shared/domain/job.ts";
import type { ModelFile, PinnedSource, RevisionId } from "@drover/shared/domain/model.ts";
import type { NodeSelector } from "@drover/shared/domain/node-selector.ts";
import type { PlacementReport } from "@drover/shared/domain/placement.ts";
import type { AttemptReport, Hello, NodeChanges } from "@drover/shared/protocol/messages.ts";
import type { ErrorCode } from "@drover/shared/error-codes.ts";
import type { Instant } from "./fleet.ts";
import type { Idempotency } from "./records.ts";

/** A user's command; its caller waits for the answer. */
export type Command = JobCommand | NodeCommand | ModelCommand;

export type JobCommand =
  | {
      type: "submitJob";
      spec: JobSpec;
      actor: string;
      idempotency: Idempotency | null;
      /** The job that the store already holds under this key. */
      storedUnderKey: { jobId: JobId; requestSha256: string } | null;
      /** How those of its dependencies ended that are history; one that is nowhere does not exist. */
      storedEnds: ReadonlyMap<JobId, JobState>;
    }
  | { type: "cancelJob"; jobId: JobId; actor: string };

export type NodeCommand =
  | {
      type: "setNodeAdmin";
      nodeId: NodeId;
      admin: "schedulable" | "cordoned" | "draining";
      reason: string | null;
      /** How long what runs may go on; only with `draining`. */
      deadlineAfterMs: number | null;
      actor: string;
    }
  | { type: "releaseGpu"; nodeId: NodeId; gpuId: string; actor: string }
  | { type: "acceptHardware"; nodeId: NodeId; actor: string }
  | { type: "declareNodeGone"; nodeId: NodeId; actor: string }
  /** `null`: the nodes that name no site. */
  | { type: "declareSiteGone"; site: string | null; actor: string };

export type ModelCommand =
  | {
      type: "addModel";
      name: string;
      reference: string;
      include: readonly string[];
      exclude: readonly string[];
      /** What its source said that the reference means. */
      resolved: { revisionId: RevisionId; source: PinnedSource; files: readonly ModelFile[] };
      actor: string;
    }
  | { type: "removeModel"; name: string; actor: string }
  | { type: "placeModel"; name: string; selector: NodeSelector; copies: number; isPinned: boolean; actor: string }
  | { type: "unplaceModel"; name: string; selector: NodeSelector; actor: string };

/** What agents say and what time does; nobody waits for an answer. */
export type Happening =
  /** `heardAt`: the turn may come much later, when the disk lets it. `labels`: what the node was given when it joined. */
  | {
      type: "agentHello";
      sessionId: number;
      hello: Hello;
      labels?: Readonly<Record<string, string>>;
      heardAt: Instant;
    }
  | { type: "attemptReports"; sessionId: number; nodeId: NodeId; reports: AttemptReport[] }
  | { type: "placementReports"; sessionId: number; nodeId: NodeId; reports: PlacementReport[] }
  | { type: "nodeChanges"; sessionId: number; nodeId: NodeId; changes: NodeChanges }
  | { type: "agentGone"; sessionId: number; nodeId: NodeId; reason: string }
  | { type: "tick" }
  | { type: "restarted" };

export type Input = Command | Happening;

/** The answer to a command. Of which thing, not what it looks like: that is read afterwards. */
export type CommandResult = JobCommandResult | NodeCommandResult | ModelCommandResult;
export type JobCommandResult = { ok: true; jobId: JobId; created: boolean } | Refusal;
export type NodeCommandResult = { ok: true } | Refusal;
export type ModelCommandResult = { ok: true } | Refusal;
interface Refusal {
  ok: false;
  code: ErrorCode;
  message: string;
}
