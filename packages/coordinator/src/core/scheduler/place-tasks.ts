import { invariant } from "@drover/shared/assert.ts";
import type { NodeId } from "@drover/shared/domain/ids.ts";
import { taskKey } from "@drover/shared/domain/ids.ts";
import { Cause } from "@drover/shared/domain/task.ts";
import { assignmentFor } from "../assignment.ts";
import type { Effects } from "../effects.ts";
import { attemptFields } from "../end-attempt.ts";
import type { Fleet, Instant } from "../fleet.ts";
import type { AttemptRecord, TaskRecord } from "../records.ts";
import { moveTask } from "../task-transitions.ts";
import { MinHeap } from "./min-heap.ts";
import { comparePositions, type QueuePosition, type Shape } from "./waiting-queue.ts";

/** A shape that may still find room in this pass, and where it has looked already. */
interface Candidate {
  shape: Shape;
  nodeIds: readonly NodeId[];
  /** Nodes before this one had no room; room only shrinks during a pass, so they need no second look. */
  cursor: number;
  /** The shape's first waiting task. */
  head: QueuePosition;
}

/**
 * One pass: first fit, in the order of submission. See README.md for what it costs and why.
 */
export function placeTasks(fleet: Fleet, effects: Effects, now: Instant): void {
  const grown = fleet.capacity.takeGrown();
  const candidates = candidatesFor(fleet, grown);
  for (let candidate = candidates.pop(); candidate; candidate = candidates.pop()) {
    const nodeId = nextNodeWithRoom(fleet, candidate);
    if (nodeId === null) {
      candidate.shape.isBlocked = true;
      continue;
    }
    const position = candidate.shape.positions.pop();
    const task = position && fleet.task(position.jobId, position.taskIndex);
    invariant(task, "a position at the head of its shape belongs to a waiting task");
    assign(fleet, task, nodeId, effects, now);
    const head = headOf(fleet, candidate.shape);
    if (head) candidates.push({ ...candidate, head });
  }
}

/** Open shapes look at every open node; blocked ones only at nodes that gained room since they were. */
function candidatesFor(fleet: Fleet, grown: ReadonlySet<NodeId>): MinHeap<Candidate> {
  const candidates = new MinHeap<Candidate>((a, b) => comparePositions(a.head, b.head));
  let openNodeIds: NodeId[] | null = null;
  const grownOpenIds = [...grown].filter((nodeId) => fleet.capacity.isOpen(nodeId));
  for (const shape of fleet.queue.shapes()) {
    dropLeftPositions(fleet, shape);
    const head = headOf(fleet, shape);
    if (!head) continue;
    if (shape.isBlocked) {
      const nodeIds = grownOpenIds.filter((nodeId) => fleet.capacity.hasRoom(nodeId, shape.request));
      if (nodeIds.length > 0) candidates.push({ shape, nodeIds, cursor: 0, head });
    } else {
      openNodeIds ??= fleet.capacity.openNodeIds();
      candidates.push({ shape, nodeIds: openNodeIds, cursor: 0, head });
    }
  }
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

function nextNodeWithRoom(fleet: Fleet, candidate: Candidate): NodeId | null {
  for (; candidate.cursor < candidate.nodeIds.length; candidate.cursor++) {
    const nodeId = candidate.nodeIds[candidate.cursor];
    if (nodeId !== undefined && fleet.capacity.hasRoom(nodeId, candidate.shape.request)) return nodeId;
  }
  return null;
}

function assign(fleet: Fleet, task: TaskRecord, nodeId: NodeId, effects: Effects, now: Instant): void {
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
    allocation: fleet.capacity.allocationFor(nodeId, task.request),
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
