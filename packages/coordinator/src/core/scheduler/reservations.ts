import type { NodeId } from "@drover/shared/domain/ids.ts";
import type { Allocation } from "@drover/shared/domain/resources.ts";
import type { Fleet } from "../fleet.ts";
import { isOpen, type NodeCapacity } from "./capacity.ts";
import type { Demand } from "./demand.ts";
import { earliestStart, lastEndMs, roomAfter, type EarliestStart } from "./earliest-start.ts";
import { fits, take } from "./room.ts";
import { comparePositions, type QueuePosition } from "./waiting-queue.ts";

/** For so many of the tasks that come first and find no room a node is kept. */
export const MAX_RESERVATIONS = 8;
/** Each chooses among so many nodes: what a larger choice gains is not worth its time (README.md). */
const MAX_LOOKS = 32;

/** A node that is kept for a task: it starts there when those attempts have ended, if nowhere else before. */
export interface Reservation extends EarliestStart {
  readonly position: QueuePosition;
  readonly demand: Demand;
}

/** One at most for each node and each task. Part of a turn, not stored: after a restart they are made anew. */
export class Reservations {
  readonly #byNode = new Map<NodeId, Reservation>();
  readonly #byTask = new Map<string, Reservation>();
  /** As they were before the turn in progress; `null` where it has changed none. */
  #before: Reservation[] | null = null;
  /** Counts the changes. */
  version = 0;

  get size(): number {
    return this.#byNode.size;
  }

  all(): Reservation[] {
    return [...this.#byNode.values()];
  }

  of(task: Pick<QueuePosition, "jobId" | "taskIndex">): Reservation | undefined {
    return this.#byTask.get(keyOf(task));
  }

  on(nodeId: NodeId): Reservation | undefined {
    return this.#byNode.get(nodeId);
  }

  /** Whose task comes last. */
  last(): Reservation | null {
    let last: Reservation | null = null;
    for (const reservation of this.#byNode.values())
      if (last === null || comparePositions(reservation.position, last.position) > 0) last = reservation;
    return last;
  }

  /** In the place of whatever the node was kept for, and of the node that was kept for the task. */
  put(reservation: Reservation): void {
    for (const earlier of [this.on(reservation.nodeId), this.of(reservation.position)]) if (earlier) this.drop(earlier);
    this.#note();
    this.#byNode.set(reservation.nodeId, reservation);
    this.#byTask.set(keyOf(reservation.position), reservation);
  }

  drop({ nodeId, position }: Reservation): void {
    this.#note();
    this.#byNode.delete(nodeId);
    this.#byTask.delete(keyOf(position));
  }

  commit(): void {
    this.#before = null;
  }

  rollback(): void {
    if (!this.#before) return;
    for (const reservation of this.all()) this.drop(reservation);
    for (const reservation of this.#before) this.put(reservation);
    this.#before = null;
  }

  #note(): void {
    this.version++;
    this.#before ??= this.all();
  }
}

/** Drops what no longer holds, brings the rest up to date, and chooses again where the start is overdue. */
export function reviewReservations(fleet: Fleet, nowMs: number): void {
  const inOrder = fleet.reservations.all().toSorted((a, b) => comparePositions(a.position, b.position));
  for (const reservation of inOrder) {
    // One before it has chosen again, and has taken its node.
    if (fleet.reservations.on(reservation.nodeId) !== reservation) continue;
    const after = reviewed(fleet, reservation);
    if (after === null) release(fleet, reservation);
    else if (nowMs > after.chooseAgainMs) chooseAgain(fleet, after, nowMs);
    else if (after !== reservation) fleet.reservations.put(after);
  }
}

/**
 * The node that was kept is one of those to choose among. Each choice is given as long as it was thought to take, so that
 * a task whose node proves a bad choice moves on, and not back and forth.
 */
function chooseAgain(fleet: Fleet, reservation: Reservation, nowMs: number): void {
  const { position, demand } = reservation;
  release(fleet, reservation);
  reserve(fleet, position, demand, nowMs);
}

/** What was kept free is free to all. */
export function release(fleet: Fleet, reservation: Reservation): void {
  fleet.reservations.drop(reservation);
  fleet.capacity.grow(reservation.nodeId);
}

/** Keeps the node for the task on which it can start first; tells whether there is one, and whose it was before. */
export function reserve(
  fleet: Fleet,
  position: QueuePosition,
  demand: Demand,
  nowMs: number,
): { displaced: Reservation | null } | null {
  const start = earliestStart(fleet, nodesToKeep(fleet, position), demand, nowMs, MAX_LOOKS);
  if (!start) return null;
  const displaced = fleet.reservations.on(start.nodeId) ?? null;
  // What was refused for the sake of the one may be let in beside the other.
  if (displaced) release(fleet, displaced);
  fleet.reservations.put({ ...start, position, demand });
  return { displaced };
}

/** May the node be given so much of, without that the task that it is kept for starts later? */
export function admits(
  fleet: Fleet,
  reservation: Reservation,
  node: NodeCapacity,
  allocation: Allocation,
  endMs: number | null,
): boolean {
  const { startMs, demand, awaitedIds } = reservation;
  if (startMs !== null && endMs !== null && endMs <= startMs) return true;
  const room = roomAfter(fleet, node, awaitedIds);
  take(room, allocation);
  return fits(room, demand);
}

function keyOf({ jobId, taskIndex }: Pick<QueuePosition, "jobId" | "taskIndex">): string {
  return `${jobId}.${taskIndex}`;
}

/** As it is now; `null`: the task cannot start there so. */
export function reviewed(fleet: Fleet, reservation: Reservation): Reservation | null {
  const { position, demand, nodeId } = reservation;
  if (fleet.task(position.jobId, position.taskIndex)?.state !== "queued") return null;
  const node = fleet.capacity.nodeOf(nodeId);
  if (!node || !isOpen(node)) return null;
  const awaitedIds = reservation.awaitedIds.filter((id) => node.attemptIds.has(id));
  if (!fits(roomAfter(fleet, node, awaitedIds), demand)) return null;
  if (awaitedIds.length === reservation.awaitedIds.length) return reservation;
  return { ...reservation, awaitedIds, startMs: lastEndMs(fleet, awaitedIds) };
}

/** Open ones that are not kept for something that comes before; each task begins elsewhere, lest all choose among the same. */
function* nodesToKeep(fleet: Fleet, position: QueuePosition): Generator<NodeCapacity> {
  const { nodes } = fleet.capacity.openNodes();
  for (let step = 0; step < nodes.length; step++) {
    const node = nodes[(position.jobId + step) % nodes.length] as NodeCapacity;
    const holder = fleet.reservations.on(node.nodeId);
    if (!holder || comparePositions(position, holder.position) < 0) yield node;
  }
}
