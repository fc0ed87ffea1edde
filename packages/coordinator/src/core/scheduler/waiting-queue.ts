import type { JobId } from "@drover/shared/domain/ids.ts";
import type { TaskRecord } from "../records.ts";
import type { Demand, Demands } from "./demand.ts";
import { MinHeap } from "./min-heap.ts";

/** A task's place in the queue. */
export interface QueuePosition {
  priority: number;
  jobId: JobId;
  taskIndex: number;
}

/**
 * The waiting tasks that ask for exactly the same. What is true of one (fits nowhere, fits on gpu-03) is
 * true of all, so a pass looks at shapes, not at tasks: an array of 100,000 costs what one task costs.
 */
export interface Shape {
  readonly demand: Demand;
  readonly positions: MinHeap<QueuePosition>;
  /** How many tasks really wait; `positions` may hold some more that have left (see `head`). */
  waitingCount: number;
  /** No node had room at the last pass: only a node that gained room since needs another look. */
  isBlocked: boolean;
}

export class WaitingQueue {
  readonly #demands: Demands;
  readonly #priorityOf: (jobId: JobId) => number;
  readonly #shapes = new Map<string, Shape>();

  constructor(demands: Demands, priorityOf: (jobId: JobId) => number) {
    this.#demands = demands;
    this.#priorityOf = priorityOf;
  }

  onTaskChange(before: TaskRecord | undefined, after: TaskRecord | undefined): void {
    const waited = before?.state === "queued";
    const waits = after?.state === "queued";
    if (waited === waits) return;
    if (after && waits) {
      const shape = this.#shapeOf(this.#demands.of(after.request));
      shape.waitingCount++;
      shape.positions.push({ priority: this.#priorityOf(after.jobId), jobId: after.jobId, taskIndex: after.index });
    } else if (before) {
      const demand = this.#demands.of(before.request);
      const shape = this.#shapeOf(demand);
      shape.waitingCount--;
      if (shape.waitingCount === 0) this.#shapes.delete(demand.key);
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
    this.#shapes.get(this.#demands.of(first.request).key)?.positions.retain(({ jobId }) => jobId !== first.jobId);
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

  unblockAll(): void {
    for (const shape of this.#shapes.values()) shape.isBlocked = false;
  }

  #shapeOf(demand: Demand): Shape {
    let shape = this.#shapes.get(demand.key);
    if (!shape) {
      shape = { demand, positions: new MinHeap(comparePositions), waitingCount: 0, isBlocked: false };
      this.#shapes.set(demand.key, shape);
    }
    return shape;
  }
}

/** The highest priority first; of equals what was submitted first. */
export function comparePositions(a: QueuePosition, b: QueuePosition): number {
  return b.priority - a.priority || a.jobId - b.jobId || a.taskIndex - b.taskIndex;
}
