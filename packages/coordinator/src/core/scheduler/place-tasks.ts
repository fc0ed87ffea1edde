import { invariant } from "@drover/shared/assert.ts";
import { Cause } from "@drover/shared/domain/task.ts";
import { assignmentFor } from "../assignment.ts";
import type { Effects } from "../effects.ts";
import { attemptFields } from "../end-attempt.ts";
import type { Fleet, Instant } from "../fleet.ts";
import type { AttemptRecord, TaskRecord } from "../records.ts";
import { moveTask } from "../task-transitions.ts";
import { MinHeap } from "./min-heap.ts";
import { hasRoom, type NodeCapacity, type NodeList } from "./capacity.ts";
import type { Demand } from "./demand.ts";
import { endMsFrom } from "./estimates.ts";
import { gpuIdsOf, NodeSearch, windowSizeFor, type Admission, type Place } from "./node-search.ts";
import { admits, MAX_RESERVATIONS, release, reserve, reviewed, reviewReservations } from "./reservations.ts";
import { fits } from "./room.ts";
import { comparePositions, type QueuePosition, type Shape } from "./waiting-queue.ts";

/** A shape that may still find room in this pass, and its first waiting task. */
interface Candidate {
  readonly shape: Shape;
  readonly search: NodeSearch;
  readonly head: Head;
}

interface Head {
  readonly position: QueuePosition;
  readonly task: TaskRecord;
}

/**
 * In the order of the queue, each where it leaves the most GPU usable. What comes first and finds no room is kept a node
 * for; the rest may pass it where that does not delay it. See README.md for the costs and the reasons.
 */
export function placeTasks(fleet: Fleet, effects: Effects, now: Instant): void {
  reviewReservations(fleet, now.wallMs);
  // What was kept free for a task that has started elsewhere is free to those that have had their turn, too.
  do runPass(fleet, effects, now);
  while (fleet.capacity.hasGrown);
}

function runPass(fleet: Fleet, effects: Effects, now: Instant): void {
  const { passing } = fleet.policy;
  const candidates = candidatesFor(fleet);
  const barrier = passing === "nothing" ? firstBlocked(fleet) : null;
  let blocked = passing === "backfill" && candidates.size > 0 ? blockedHeads(fleet) : null;
  for (let candidate = candidates.pop(); candidate; candidate = candidates.pop()) {
    const { shape, search, head } = candidate;
    if (barrier && comparePositions(barrier, head.position) < 0) return;
    if (blocked) blocked = reserveBefore(fleet, head.position, blocked, now);
    const place = search.best(shape.demand, admissionFor(fleet, head, shape.demand, now));
    if (place === null) {
      shape.isBlocked = true;
      shape.blockedFor = head.position;
      if (passing === "nothing" && couldEverFit(fleet, shape.demand)) return;
      if (passing === "backfill" && keepNodeFor(fleet, shape, head.position, now)) blocked = blockedHeads(fleet);
      continue;
    }
    shape.positions.pop();
    assign(fleet, head.task, place, effects, now);
    if (releaseAfter(fleet, head.position, place)) blocked = blockedHeads(fleet);
    const next = headOf(fleet, shape);
    if (next) candidates.push({ shape, search, head: next });
  }
}

/** What was kept for the task that has started, and what was kept for another there and no longer does. */
function releaseAfter(fleet: Fleet, position: QueuePosition, { node }: Place): boolean {
  const own = fleet.reservations.of(position);
  if (own) release(fleet, own);
  const other = fleet.reservations.on(node.nodeId);
  if (!other || reviewed(fleet, other)) return own !== undefined;
  release(fleet, other);
  return true;
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
    if (!head) continue;
    chosen.push({ shape, list, head });
    // Until it turns out that it is: a policy under which nothing passes may end the pass before.
    shape.isBlocked = false;
  }
  const candidates = new MinHeap<Candidate>((a, b) => comparePositions(a.head.position, b.head.position));
  if (chosen.length === 0) return candidates;
  const fragmentation = fleet.placementScore.current();
  const windowSize = windowSizeFor(chosen.reduce((sum, { shape }) => sum + shape.waitingCount, 0));
  for (const { shape, list, head } of chosen)
    candidates.push({ shape, search: new NodeSearch(list, capacity.index, fragmentation, windowSize), head });
  return candidates;
}

interface BlockedHead {
  readonly shape: Shape;
  readonly position: QueuePosition;
}

/** The first tasks of what found no room before, and that no node is kept for. */
function blockedHeads(fleet: Fleet): MinHeap<BlockedHead> {
  const heads = new MinHeap<BlockedHead>((a, b) => comparePositions(a.position, b.position));
  const last = lastWhereFull(fleet);
  for (const shape of fleet.queue.shapes()) {
    const position = shape.isBlocked && mayReserve(fleet, shape) ? shape.positions.peek() : undefined;
    if (!position || (last && comparePositions(last, position) < 0)) continue;
    if (!fleet.reservations.of(position)) heads.push({ shape, position });
  }
  return heads;
}

/** Whatever comes before the task is kept a node for before the task takes it. */
function reserveBefore(
  fleet: Fleet,
  position: QueuePosition,
  blocked: MinHeap<BlockedHead>,
  now: Instant,
): MinHeap<BlockedHead> {
  let heads = blocked;
  for (let first = heads.peek(); first && comparePositions(first.position, position) < 0; first = heads.peek()) {
    const last = lastWhereFull(fleet);
    if (last && comparePositions(last, first.position) < 0) return heads;
    heads.pop();
    const head = headOf(fleet, first.shape);
    // Whoever lost its node to it is to be kept another before anything behind it takes that.
    if (head && keepNodeFor(fleet, first.shape, head.position, now)) heads = blockedHeads(fleet);
  }
  return heads;
}

/** Unless no open node is large enough, or it was tried, and neither nodes nor reservations have changed since. */
function mayReserve({ capacity, reservations }: Fleet, shape: Shape): boolean {
  if (shape.tooLargeAt === capacity.version) return false;
  return shape.reservationTriedAt !== capacity.version + reservations.version;
}

/** Where as many nodes are kept as may be: for what comes after this one there is none. */
function lastWhereFull({ reservations }: Fleet): QueuePosition | null {
  return reservations.size < MAX_RESERVATIONS ? null : (reservations.last()?.position ?? null);
}

/** One of the few that come first, and finds no room; `true`: another has lost its node to it. */
function keepNodeFor(fleet: Fleet, shape: Shape, position: QueuePosition, now: Instant): boolean {
  const { capacity, reservations } = fleet;
  if (reservations.of(position) || !mayReserve(fleet, shape)) return false;
  const last = reservations.size < MAX_RESERVATIONS ? null : reservations.last();
  if (last && comparePositions(last.position, position) < 0) return false;
  if (!couldEverFit(fleet, shape.demand)) {
    shape.tooLargeAt = capacity.version;
    return false;
  }
  const kept = reserve(fleet, position, shape.demand, now.wallMs);
  if (!kept) shape.reservationTriedAt = capacity.version + reservations.version;
  const isFull = reservations.size > MAX_RESERVATIONS;
  if (last && isFull) release(fleet, last);
  return kept !== null && (kept.displaced !== null || isFull);
}

/** Of what found no room before, and would in an empty fleet. */
function firstBlocked(fleet: Fleet): QueuePosition | null {
  let first: QueuePosition | null = null;
  for (const shape of fleet.queue.shapes()) {
    if (!shape.isBlocked || !couldEverFit(fleet, shape.demand)) continue;
    const head = headOf(fleet, shape);
    if (head && (first === null || comparePositions(head.position, first) < 0)) first = head.position;
  }
  return first;
}

function couldEverFit(fleet: Fleet, demand: Demand): boolean {
  const { nodes, slots } = fleet.capacity.openNodes();
  return slots.some(
    (slot, place) => fleet.capacity.wholeIndex.mayFit(slot, demand) && fits((nodes[place] as NodeCapacity).all, demand),
  );
}

function admissionFor(fleet: Fleet, { task, position }: Head, demand: Demand, now: Instant): Admission {
  if (fleet.reservations.size === 0) return () => true;
  const job = fleet.jobs.get(task.jobId);
  const endMs = job ? endMsFrom(now.wallMs, job, fleet.settings.stopGraceMs) : null;
  return (node, placement) => {
    const reservation = fleet.reservations.on(node.nodeId);
    if (!reservation || comparePositions(position, reservation.position) <= 0) return true;
    const { cpuMilli, memoryBytes } = demand;
    const allocation = {
      cpuMilli,
      memoryBytes,
      gpuIds: gpuIdsOf(node, demand, placement),
      gpuMilli: placement.gpuMilli,
    };
    return admits(fleet, reservation, node, allocation, endMs);
  };
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
