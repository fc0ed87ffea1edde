import { invariant } from "@drover/shared/assert.ts";
import {
  formatAttemptId,
  taskKey,
  type AttemptId,
  type JobId,
  type NodeId,
  type TaskKey,
} from "@drover/shared/domain/ids.ts";
import { isTerminalJobState, taskCount } from "@drover/shared/domain/job.ts";
import type { RevisionId } from "@drover/shared/domain/model.ts";
import type { NodeLoad } from "@drover/shared/domain/node.ts";
import { isTerminalTaskState } from "@drover/shared/domain/task.ts";
import { Dependencies } from "./dependencies.ts";
import { ModelUse } from "./model-use.ts";
import type { PlacementKey } from "./placements.ts";
import type {
  AttemptRecord,
  Cooldown,
  Freeze,
  JobRecord,
  ManifestRecord,
  ModelRecord,
  NodeRecord,
  PlacementRecord,
  RevisionRecord,
  TaskRecord,
} from "./records.ts";
import { Capacity } from "./scheduler/capacity.ts";
import { Demands } from "./scheduler/demand.ts";
import { MeasuredDurations } from "./scheduler/measured-durations.ts";
import { PlacementScore } from "./scheduler/placement-score.ts";
import { DROVER_POLICY, type SchedulingPolicy } from "./scheduler/policy.ts";
import { RequestMix } from "./scheduler/request-mix.ts";
import { Reservations } from "./scheduler/reservations.ts";
import { standingOf } from "./scheduler/standing.ts";
import { WaitingQueue, type Standing } from "./scheduler/waiting-queue.ts";
import { Table } from "./table.ts";

/** The two clocks at the moment of a turn: the wall for what is stored, the monotonic for leases. */
export interface Instant {
  wallMs: number;
  monotonicMs: number;
}

/** Which connection speaks for a node. Part of a turn, though not stored: after a restart there is none. */
export interface Session {
  readonly nodeId: NodeId;
  readonly sessionId: number | null;
  /** What its agent speaks. */
  readonly protocolVersion: number | null;
  /** It said in its hello what it has of models. */
  readonly keepsModels: boolean;
}

/**
 * What was last heard of a node. Neither stored nor part of a turn, and must not be: a lease that was
 * acknowledged stays renewed even if the turn around it is taken back.
 */
export interface Presence {
  /** When the node was last heard from. */
  heardAtMonotonicMs: number;
  /** Its lease counts from here: from when it was heard, or from the end of a freeze (site-freeze.ts) after that. */
  leaseFromMonotonicMs: number;
  heardAtMs: number | null;
  load: NodeLoad | null;
  /** How many attempts its agent says it holds; `null` until it has said so since the last of them ended here. */
  attemptCount: number | null;
}

export interface FleetSettings {
  /** Drawn at every start of the coordinator; part of every attempt id it makes (see AttemptId). */
  incarnation: string;
  leaseMs: number;
  heartbeatIntervalMs: number;
  stopGraceMs: number;
  /** Where nodes ask for models that are given to all: the Hub, or a mirror of it. */
  hubEndpoint: string;
}

/** Everything that is not yet history, and what follows from it. Only `step` and `placeTasks` change it. */
export class Fleet {
  readonly settings: FleetSettings;
  readonly #demands = new Demands();
  readonly queue = new WaitingQueue(this.#demands, (jobId) => this.#standingOf(jobId));
  readonly reservations = new Reservations();
  readonly durations = new MeasuredDurations();
  readonly policy: SchedulingPolicy;
  readonly capacity = new Capacity(this.#demands);
  readonly requestMix = new RequestMix(this.#demands);
  readonly placementScore = new PlacementScore(this.requestMix, this.capacity.kinds);
  readonly dependencies = new Dependencies({
    jobOf: (jobId) => this.jobs.get(jobId),
    onHoldChange: (job, isHeld) => this.#moveInQueue(job, isHeld),
  });
  readonly presences = new Map<NodeId, Presence>();
  /** Of the hellos of the turn in progress. */
  readonly #greetings = new Map<NodeId, { before: Presence | undefined; after: Presence }>();
  /** Set by the first turn; `null` before. */
  startedAt: Instant | null = null;
  readonly sessions = new Table<NodeId, Session>(() => true);
  /** Nodes that failed to start something lately, and so get nothing new for a while. */
  readonly cooldowns = new Table<NodeId, Cooldown>(
    () => true,
    (before, after) => this.capacity.onCooldownChange(before, after),
  );
  /** The sites whose nodes are not given up at present. Part of a turn, not stored: after a restart it is found again. */
  readonly freezes = new Table<string, Freeze>((freeze) => !freeze.isOver);
  readonly #jobIdsByIdempotencyKey = new Map<string, JobId>();

  readonly jobs = new Table<JobId, JobRecord>(
    (job) => !isTerminalJobState(job.state),
    (before, after) => {
      if (before?.idempotency && !after) this.#jobIdsByIdempotencyKey.delete(before.idempotency.key);
      if (after?.idempotency) this.#jobIdsByIdempotencyKey.set(after.idempotency.key, after.id);
      this.dependencies.onJobChange(before, after);
    },
  );
  readonly tasks = new Table<TaskKey, TaskRecord>(
    (task) => !isTerminalTaskState(task.state),
    (before, after) => {
      const task = after ?? before;
      this.requestMix.onTaskChange(before, after);
      if (task && !this.dependencies.isHeld(task.jobId)) this.queue.onTaskChange(before, after);
    },
  );
  readonly attempts = new Table<AttemptId, AttemptRecord>(
    (attempt) => attempt.state !== "ended",
    (before, after) => {
      this.capacity.onAttemptChange(before, after);
      this.modelUse.onAttemptChange(before, after, (jobId) => this.jobs.get(jobId)?.spec.resources);
      // What has ended leaves memory when that is durable. One task speaks for its job, here as after a restart.
      if (before?.state === "ended" && !after && before.taskIndex === 0)
        this.durations.learnFrom(before, this.jobs.get(before.jobId)?.spec.name ?? null);
    },
  );
  readonly nodes = new Table<NodeId, NodeRecord>(
    () => true,
    (before, after) => this.capacity.onNodeChange(before, after),
  );

  readonly modelUse = new ModelUse();
  readonly models = new Table<string, ModelRecord>(
    (model) => !model.isRemoved,
    (before, after) => this.modelUse.onModelChange(before, after),
  );
  readonly placements = new Table<PlacementKey, PlacementRecord>(
    (placement) => placement.state !== "gone",
    (before, after) => {
      this.modelUse.onPlacementChange(before, after);
      this.capacity.onPlacementChange(before, after);
    },
  );
  readonly revisions = new Table<RevisionId, RevisionRecord>(() => true);
  readonly manifests = new Table<RevisionId, ManifestRecord>(() => false);

  #nextJobId: number;

  constructor(settings: FleetSettings, nextJobId: number, policy: SchedulingPolicy = DROVER_POLICY) {
    this.settings = settings;
    this.policy = policy;
    this.#nextJobId = nextJobId;
  }

  /**
   * Never the same one twice, not even when the turn is taken back: its tasks leave their places in the queue behind
   * (see headOf), where another job's task of the same name would be taken for them (simulation seed 7184).
   */
  takeJobId(): JobId {
    return this.#nextJobId++ as JobId;
  }

  /** What the next job will be called. */
  peekJobId(): JobId {
    return this.#nextJobId as JobId;
  }

  jobIdForIdempotencyKey(key: string): JobId | undefined {
    return this.#jobIdsByIdempotencyKey.get(key);
  }

  task(jobId: JobId, index: number): TaskRecord | undefined {
    return this.tasks.get(taskKey(jobId, index));
  }

  putTask(task: TaskRecord): void {
    this.tasks.put(taskKey(task.jobId, task.index), task);
  }

  queuedTasksOf(job: JobRecord): TaskRecord[] {
    const tasks: TaskRecord[] = [];
    for (let index = 0; index < taskCount(job.spec); index++) {
      const task = this.task(job.id, index);
      if (task?.state === "queued") tasks.push(task);
    }
    return tasks;
  }

  nextAttemptId(task: TaskRecord): AttemptId {
    return formatAttemptId({
      jobId: task.jobId,
      taskIndex: task.index,
      attemptNumber: task.attemptNumber + 1,
      incarnation: this.settings.incarnation,
    });
  }

  /** It holds something on its node, as far as the coordinator knows. */
  isLive(attemptId: AttemptId): boolean {
    const attempt = this.attempts.get(attemptId);
    return attempt !== undefined && attempt.state !== "ended";
  }

  /** The attempts that hold something on a node. */
  attemptsOn(nodeId: NodeId): AttemptRecord[] {
    return [...this.capacity.attemptIdsOn(nodeId)].map((id) => this.attempts.get(id)).filter((a) => a !== undefined);
  }

  /**
   * What a hello makes of who is here. Unlike a heartbeat's it is taken back with its turn: the same hello would be taken
   * for another machine's, because its node was heard just now, by itself (simulation seed 131691643).
   */
  greet(nodeId: NodeId, after: Presence): void {
    const before = this.#greetings.has(nodeId) ? this.#greetings.get(nodeId)?.before : this.presences.get(nodeId);
    this.#greetings.set(nodeId, { before, after });
    this.presences.set(nodeId, after);
  }

  sessionIdOf(nodeId: NodeId): number | null {
    return this.sessions.get(nodeId)?.sessionId ?? null;
  }

  /** Tasks before their jobs: what a job's end changes of them is still there to be found. */
  get #stored() {
    return [
      this.tasks,
      this.attempts,
      this.jobs,
      this.nodes,
      this.models,
      this.revisions,
      this.manifests,
      this.placements,
    ];
  }

  /** Something that is to be stored; sessions, cooldowns and freezes are not. */
  get hasChanges(): boolean {
    return this.#stored.some((table) => table.hasChanges);
  }

  commit(): void {
    for (const table of this.#stored) table.commit();
    this.sessions.commit();
    this.cooldowns.commit();
    this.freezes.commit();
    this.reservations.commit();
    this.#greetings.clear();
  }

  rollback(): void {
    for (const table of this.#stored) table.rollback();
    this.sessions.rollback();
    this.cooldowns.rollback();
    this.dependencies.takeEnded();
    this.freezes.rollback();
    // The pass that was taken back had noted what it could not place and which nodes it had looked at.
    this.queue.unblockAll();
    this.reservations.rollback();
    this.modelUse.forgetSaid();
    for (const [nodeId, { before, after }] of this.#greetings) {
      // A heartbeat of the session before may have come since, and stays.
      if (this.presences.get(nodeId)?.heardAtMonotonicMs !== after.heardAtMonotonicMs) continue;
      if (before) this.presences.set(nodeId, before);
      else this.presences.delete(nodeId);
    }
    this.#greetings.clear();
  }

  #standingOf(jobId: JobId): Standing {
    const job = this.jobs.get(jobId);
    invariant(job, `job ${jobId} of a waiting task exists`);
    return standingOf(job, this.policy);
  }

  #moveInQueue(job: JobRecord, isHeld: boolean): void {
    const tasks = this.queuedTasksOf(job);
    if (isHeld) this.queue.takeBack(tasks);
    else for (const task of tasks) this.queue.onTaskChange(undefined, task);
  }
}
