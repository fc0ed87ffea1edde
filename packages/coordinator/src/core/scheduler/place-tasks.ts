import { invariant } from "@drover/shared/assert.ts";
import { taskKey } from "@drover/shared/domain/ids.ts";
import { Cause } from "@drover/shared/domain/task.ts";
import { assignmentFor } from "../assignment.ts";
import type { Effects } from "../effects.ts";
import { attemptFields } from "../end-attempt.ts";
import type { Fleet, Instant } from "../fleet.ts";
import type { AttemptRecord, TaskRecord } from "../records.ts";
import { moveTask } from "../task-transitions.ts";
import { MinHeap } from "./min-heap.ts";
import { hasRoom, type NodeCapacity } from "./capacity.ts";
import { NodeSearch, windowSizeFor, type Place } from "./node-search.ts";
import { comparePositions, type QueuePosition, type Shape } from "./waiting-queue.ts";

/** A shape that may still find room in this pass. */
interface Candidate {
  shape: Shape;
  search: NodeSearch;
  /** The shape's first waiting task. */
  head: QueuePosition;
}

/**
 * One pass: in the order of submission, each where it leaves the most GPU usable. See README.md for what it costs
 * and why.
 */
export function placeTasks(fleet: Fleet, effects: Effects, now: Instant): void {
  const candidates = candidatesFor(fleet);
  for (let candidate = candidates.pop(); candidate; candidate = candidates.pop()) {
    const { shape, search } = candidate;
    const place = search.best(shape.demand);
    if (place === null) {
      shape.isBlocked = true;
      continue;
    }
    const position = shape.positions.pop();
    const task = position && fleet.task(position.jobId, position.taskIndex);
    invariant(task, "a position at the head of its shape belongs to a waiting task");
    assign(fleet, task, place, effects, now);
    const head = headOf(fleet, shape);
    if (head) candidates.push({ shape, search, head });
  }
}

/** Open shapes look at every open node; blocked ones only at nodes that gained room since they were. */
function candidatesFor(fleet: Fleet): MinHeap<Candidate> {
  const { capacity } = fleet;
  const grown = capacity.takeGrown();
  const chosen: { shape: Shape; nodes: readonly NodeCapacity[]; head: QueuePosition }[] = [];
  for (const shape of fleet.queue.shapes()) {
    dropLeftPositions(fleet, shape);
    const head = headOf(fleet, shape);
    if (!head) continue;
    if (shape.isBlocked) {
      const nodes = grown.filter((node) => hasRoom(node, shape.demand));
      if (nodes.length > 0) chosen.push({ shape, nodes, head });
    } else {
      chosen.push({ shape, nodes: capacity.openNodes(), head });
    }
  }
  const candidates = new MinHeap<Candidate>((a, b) => comparePositions(a.head, b.head));
  if (chosen.length === 0) return candidates;
  const fragmentation = fleet.placementScore.current();
  const windowSize = windowSizeFor(chosen.reduce((sum, { shape }) => sum + shape.waitingCount, 0));
  for (const { shape, nodes, head } of chosen)
    candidates.push({ shape, search: new NodeSearch(nodes, capacity.index, fragmentation, windowSize), head });
  return candidates;
}

/** Canceled tasks leave their positions behind; where those are the most, they go. */
function dropLeftPositions(fleet: Fleet, shape: Shape): void {
  if (shape.positions.size <= 2 * shape.waitingCount + 1000) return;
  shape.positions.retain((position) => isWaiting(fleet, position));
}

function isWaiting(fleet: Fleet, { jobId, taskIndex }: QueuePosition): boolean {
  return fleet.tasks.get(taskKey(jobId, taskIndex))?.state === "queued";
}

/** Drops positions whose task has left the queue by another way than this one. */
function headOf(fleet: Fleet, shape: Shape): QueuePosition | undefined {
  for (;;) {
    const head = shape.positions.peek();
    if (!head || isWaiting(fleet, head)) return head;
    shape.positions.pop();
  }
}

function assign(fleet: Fleet, task: TaskRecord, place: Place, effects: Effects, now: Instant): void {
  const { nodeId } = place.node;
  const node = fleet.nodes.get(nodeId);
  invariant(node, `node ${nodeId} of the capacity exists`);
  const attempt: AttemptRecord = {
    id: fleet.nextAttemptId(task),
    jobId: task.jobId,
    taskIndex: task.index,
    number: task.attemptNumber + 1,
    nodeId,
    bootId: node.bootId,
    state: "assigned",
    stopCause: null,
    allocation: {
      cpuMilli: task.request.cpuMilli,
      memoryBytes: task.request.memoryBytes,
      gpuIds: place.gpuIds,
      gpuMilli: place.gpuMilli,
    },
    pid: null,
    outcome: null,
    blame: null,
    outputBytes: null,
    usage: null,
    assignedAtMs: now.wallMs,
    startedAtMs: null,
    endedAtMs: null,
  };
  fleet.attempts.put(attempt.id, attempt);
  moveTask(
    fleet,
    task,
    { state: "running", cause: Cause.assigned, attemptNumber: attempt.number, liveAttemptId: attempt.id },
    effects,
    now,
  );
  effects.tell({ event: "attempt.assigned", ...attemptFields(fleet, attempt), ...attempt.allocation });
  effects.desire(nodeId, { desired: "run", attemptId: attempt.id, assignment: assignmentFor(fleet, attempt) });
}
