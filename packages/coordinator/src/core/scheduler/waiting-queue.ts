import type { JobId } from "@drover/shared/domain/ids.ts";
import type { ResourceRequest } from "@drover/shared/domain/resources.ts";
import type { TaskRecord } from "../records.ts";
import { MinHeap } from "./min-heap.ts";

/** A task's place in the order of submission. */
export interface QueuePosition {
  jobId: JobId;
  taskIndex: number;
}

/**
 * The waiting tasks that ask for exactly the same. What is true of one (fits nowhere, fits on gpu-03) is
 * true of all, so a pass looks at shapes, not at tasks: an array of 100,000 costs what one task costs.
 */
export interface Shape {
  readonly request: ResourceRequest;
  readonly positions: MinHeap<QueuePosition>;
  /** How many tasks really wait; `positions` may hold some more that have left (see `head`). */
  waitingCount: number;
  /** No node had room at the last pass: only a node that gained room since needs another look. */
  isBlocked: boolean;
}

export class WaitingQueue {
  readonly #shapes = new Map<string, Shape>();

  onTaskChange(before: TaskRecord | undefined, after: TaskRecord | undefined): void {
    const waited = before?.state === "queued";
    const waits = after?.state === "queued";
    if (waited === waits) return;
    if (after && waits) {
      const shape = this.#shapeOf(after.request);
      shape.waitingCount++;
      shape.positions.push({ jobId: after.jobId, taskIndex: after.index });
    } else if (before) {
      const shape = this.#shapeOf(before.request);
      shape.waitingCount--;
      if (shape.waitingCount === 0) this.#shapes.delete(shapeKey(before.request));
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
    this.#shapes.get(shapeKey(first.request))?.positions.retain(({ jobId }) => jobId !== first.jobId);
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

  #shapeOf(request: ResourceRequest): Shape {
    const key = shapeKey(request);
    let shape = this.#shapes.get(key);
    if (!shape) {
      shape = { request, positions: new MinHeap(comparePositions), waitingCount: 0, isBlocked: false };
      this.#shapes.set(key, shape);
    }
    return shape;
  }
}

export function comparePositions(a: QueuePosition, b: QueuePosition): number {
  return a.jobId - b.jobId || a.taskIndex - b.taskIndex;
}

function shapeKey(request: ResourceRequest): string {
  return `${request.cpuMilli}|${request.memoryBytes}|${request.gpuCount}`;
}
