import { invariant } from "@drover/shared/assert.ts";
import { Cause } from "@drover/shared/domain/task.ts";
import { assignmentFor } from "../assignment.ts";
import type { Effects } from "../effects.ts";
import { attemptFields } from "../end-attempt.ts";
import type { Fleet, Instant } from "../fleet.ts";
import type { AttemptRecord, TaskRecord } from "../records.ts";
import { moveTask } from "../task-transitions.ts";
import { MinHeap } from "./min-heap.ts";
import { hasRoom, type NodeList } from "./capacity.ts";
import { NodeSearch, windowSizeFor, type Place } from "./node-search.ts";
import { comparePositions, type QueuePosition, type Shape } from "./waiting-queue.ts";

/** A shape that may still find room in this pass. */
interface Candidate {
  shape: Shape;
  search: NodeSearch;
  head: Head;
}

/** A shape's first waiting task. */
interface Head {
  position: QueuePosition;
  task: TaskRecord;
}

/**
 * One pass: by priority and then in the order of submission, each where it leaves the most GPU usable. See README.md for what it costs
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
    shape.positions.pop();
    assign(fleet, candidate.head.task, place, effects, now);
    const head = headOf(fleet, shape);
    if (head) candidates.push({ shape, search, head });
  }
}

/** Open shapes look at every open node; blocked ones only at nodes that gained room since they were. */
function candidatesFor(fleet: Fleet): MinHeap<Candidate> {
  const { capacity } = fleet;
  const grown = capacity.takeGrown();
  const chosen: { shape: Shape; list: NodeList; head: Head }[] = [];
  for (const shape of fleet.queue.shapes()) {
    dropLeftPositions(fleet, shape);
    const list = shape.isBlocked ? grown : capacity.openNodes();
    // Most blocked shapes leave here: there may be hundreds of them, and their tasks lie all over the heap.
    if (shape.isBlocked && !grown.nodes.some((node) => hasRoom(node, shape.demand))) continue;
    const head = headOf(fleet, shape);
    if (head) chosen.push({ shape, list, head });
  }
  const candidates = new MinHeap<Candidate>((a, b) => comparePositions(a.head.position, b.head.position));
  if (chosen.length === 0) return candidates;
  const fragmentation = fleet.placementScore.current();
  const windowSize = windowSizeFor(chosen.reduce((sum, { shape }) => sum + shape.waitingCount, 0));
  for (const { shape, list, head } of chosen)
    candidates.push({ shape, search: new NodeSearch(list, capacity.index, fragmentation, windowSize), head });
  return candidates;
}

/** Canceled tasks leave their positions behind; where those are the most, they go. */
function dropLeftPositions(fleet: Fleet, shape: Shape): void {
  if (shape.positions.size <= 2 * shape.waitingCount + 1000) return;
  shape.positions.retain((position) => waitingAt(fleet, position) !== null);
}

function waitingAt(fleet: Fleet, { jobId, taskIndex }: QueuePosition): TaskRecord | null {
  const task = fleet.task(jobId, taskIndex);
  return task?.state === "queued" ? task : null;
}

/** Drops positions whose task has left the queue by another way than this one. */
function headOf(fleet: Fleet, shape: Shape): Head | null {
  for (;;) {
    const position = shape.positions.peek();
    if (!position) return null;
    const task = waitingAt(fleet, position);
    if (task) return { position, task };
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
