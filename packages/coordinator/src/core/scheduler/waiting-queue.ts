import type { JobId } from "@drover/shared/domain/ids.ts";
import type { JobRecord, TaskRecord } from "../records.ts";
import type { Demand, Demands } from "./demand.ts";
import { MinHeap } from "./min-heap.ts";

/** A task's place in the queue. */
export interface QueuePosition {
  priority: number;
  /** Of one priority the lowest comes first: by the policy, a time or a length. */
  rank: number;
  jobId: JobId;
  taskIndex: number;
}

/** What a job's tasks have in common in the queue. It does not change while they wait. */
export interface Standing {
  readonly priority: number;
  readonly rank: number;
  readonly estimateClass: number | null;
}

/**
 * The waiting tasks that ask for exactly the same. What is true of one (fits nowhere, fits on gpu-03) is
 * true of all, so a pass looks at shapes, not at tasks: an array of 100,000 costs what one task costs.
 */
export interface Shape {
  readonly key: string;
  readonly demand: Demand;
  readonly positions: MinHeap<QueuePosition>;
  /** How many tasks really wait; `positions` may hold some more that have left (see `head`). */
  waitingCount: number;
  /** No node had room at the last pass: only a node that gained room since needs another look. */
  isBlocked: boolean;
  /** The task that was its first then. */
  blockedFor: QueuePosition | null;
  /** No open node was large enough: of which nodes there were (`Capacity.version`). */
  tooLargeAt: number | null;
  /** No node could be kept for its first task: what nodes and reservations there were then (see place-tasks.ts). */
  reservationTriedAt: number | null;
}

export class WaitingQueue {
  readonly #demands: Demands;
  readonly #standingOf: (jobId: JobId) => Standing;
  readonly #shapes = new Map<string, Shape>();

  constructor(demands: Demands, standingOf: (jobId: JobId) => Standing) {
    this.#demands = demands;
    this.#standingOf = standingOf;
  }

  onTaskChange(before: TaskRecord | undefined, after: TaskRecord | undefined): void {
    const waited = before?.state === "queued";
    const waits = after?.state === "queued";
    if (waited === waits) return;
    if (after && waits) {
      const { priority, rank } = this.#standingOf(after.jobId);
      const shape = this.#shapeOf(after);
      shape.waitingCount++;
      const position = { priority, rank, jobId: after.jobId, taskIndex: after.index };
      // That one may have been kept from a node by a task that this one comes before.
      if (shape.blockedFor && comparePositions(position, shape.blockedFor) < 0) shape.isBlocked = false;
      shape.positions.push(position);
    } else if (before) {
      const shape = this.#shapeOf(before);
      shape.waitingCount--;
      if (shape.waitingCount === 0) this.#shapes.delete(shape.key);
    }
  }

  /**
   * Tasks of one job leave though they go on waiting: a turn is taken back that had let them in. Their places
   * leave with them, or each would be there twice when they come again.
   */
  takeBack(tasks: readonly TaskRecord[]): void {
    for (const task of tasks) this.onTaskChange(task, undefined);
    const [first] = tasks;
    if (!first) return;
    this.#shapes.get(this.#keyOf(first))?.positions.retain(({ jobId }) => jobId !== first.jobId);
  }

  /** Only shapes for which something waits. */
  shapes(): IterableIterator<Shape> {
    return this.#shapes.values();
  }

  get waitingCount(): number {
    let count = 0;
    for (const shape of this.#shapes.values()) count += shape.waitingCount;
    return count;
  }

  /** The place of the job's first waiting task. */
  firstOf(job: JobRecord, waiting: readonly TaskRecord[]): QueuePosition | null {
    const [first] = waiting;
    if (!first) return null;
    const { priority, rank } = this.#standingOf(job.id);
    return { priority, rank, jobId: job.id, taskIndex: first.index };
  }

  /** How many really wait before it; looks at every place in the queue. */
  countBefore(position: QueuePosition, waits: (position: QueuePosition) => boolean): number {
    let count = 0;
    for (const { positions } of this.#shapes.values())
      for (const other of positions.items) if (comparePositions(other, position) < 0 && waits(other)) count++;
    return count;
  }

  unblockAll(): void {
    for (const shape of this.#shapes.values()) {
      shape.isBlocked = false;
      shape.reservationTriedAt = null;
      shape.tooLargeAt = null;
    }
  }

  #shapeOf(task: TaskRecord): Shape {
    const key = this.#keyOf(task);
    let shape = this.#shapes.get(key);
    if (!shape) {
      const demand = this.#demands.of(task.request);
      const positions = new MinHeap(comparePositions);
      shape = {
        key,
        demand,
        positions,
        waitingCount: 0,
        isBlocked: false,
        blockedFor: null,
        tooLargeAt: null,
        reservationTriedAt: null,
      };
      this.#shapes.set(key, shape);
    }
    return shape;
  }

  #keyOf({ request, jobId }: TaskRecord): string {
    return `${this.#demands.of(request).key} ${this.#standingOf(jobId).estimateClass}`;
  }
}

/** The highest priority first; of equals what was submitted first. */
export function comparePositions(a: QueuePosition, b: QueuePosition): number {
  return b.priority - a.priority || a.rank - b.rank || a.jobId - b.jobId || a.taskIndex - b.taskIndex;
}
