import type { AttemptId, NodeId } from "@drover/shared/domain/ids.ts";
import type { RevisionId } from "@drover/shared/domain/model.ts";
import type { Allocation, GpuShare, ResourceRequest } from "@drover/shared/domain/resources.ts";
import { usableCapacity } from "../usable-capacity.ts";
import type { AttemptRecord, Cooldown, NodeRecord, PlacementRecord } from "../records.ts";
import type { Demand, Demands } from "./demand.ts";
import { GpuKinds } from "./gpu-kinds.ts";
import { fits, give, NO_ROOM, take, wholeRoom, type Room } from "./room.ts";
import { RoomIndex } from "./room-index.ts";

/** However little each asks for: a node's process table is finite too, and jobs may ask for nothing at all. */
export const MAX_ATTEMPTS_PER_NODE = 1000;

export interface NodeCapacity {
  readonly nodeId: NodeId;
  /** Its place in the index of rooms. */
  readonly slot: number;
  /** Connected, willing and not unhealthy. */
  isAvailable: boolean;
  /** It failed to start something lately. */
  isCoolingDown: boolean;
  all: Readonly<Room>;
  free: Room;
  readonly attemptIds: Set<AttemptId>;
  /** What of models is ready there. */
  readonly models: Set<RevisionId>;
}

/** Nodes, and their places in the index of rooms, in the same order. */
export interface NodeList {
  readonly nodes: readonly NodeCapacity[];
  readonly slots: Int32Array;
}

/** Who holds what on which node: derived from attempts and nodes, never stored. */
export class Capacity {
  readonly kinds = new GpuKinds();
  readonly index = new RoomIndex();
  /** Of what there is of each node in all. */
  readonly wholeIndex = new RoomIndex();
  readonly #demands: Demands;
  readonly #nodes = new Map<NodeId, NodeCapacity>();
  readonly #allocations = new Map<AttemptId, Allocation>();
  /** Nodes that may have room they had not at the last pass. */
  #grown = new Set<NodeId>();
  #nextSlot = 0;
  #open: NodeList | null = null;
  /** Counts the changes of which nodes there are and which are open. */
  version = 0;

  constructor(demands: Demands) {
    this.#demands = demands;
  }

  onAttemptChange(before: AttemptRecord | undefined, after: AttemptRecord | undefined): void {
    const held = before !== undefined && before.state !== "ended";
    const holds = after !== undefined && after.state !== "ended";
    if (held === holds) return;
    const attempt = (after ?? before) as AttemptRecord;
    if (holds) this.#allocations.set(attempt.id, attempt.allocation);
    else this.#allocations.delete(attempt.id);
    const node = this.#node(attempt.nodeId);
    if (holds) {
      node.attemptIds.add(attempt.id);
      take(node.free, attempt.allocation);
    } else {
      node.attemptIds.delete(attempt.id);
      give(node.free, attempt.allocation);
      this.#grown.add(node.nodeId);
    }
    this.index.note(node.slot, node.free);
  }

  onNodeChange(before: NodeRecord | undefined, after: NodeRecord | undefined): void {
    this.#open = null;
    this.version++;
    if (!after) {
      if (before) this.#remove(before.id);
      return;
    }
    const node = this.#node(after.id);
    node.isAvailable = after.link === "online" && after.admin === "schedulable" && after.health.state !== "unhealthy";
    if (!before || isOtherwise(before, after)) this.#measure(node, after);
    this.#grown.add(after.id);
  }

  onPlacementChange(before: PlacementRecord | undefined, after: PlacementRecord | undefined): void {
    const placement = after ?? before;
    if (!placement) return;
    const { models } = this.#node(placement.nodeId);
    if (after?.state !== "ready") return void models.delete(placement.revisionId);
    if (models.has(placement.revisionId)) return;
    models.add(placement.revisionId);
    this.version++;
    this.#grown.add(placement.nodeId);
  }

  onCooldownChange(before: Cooldown | undefined, after: Cooldown | undefined): void {
    const nodeId = (after ?? before)?.nodeId;
    if (nodeId === undefined) return;
    this.#open = null;
    this.version++;
    this.#node(nodeId).isCoolingDown = after !== undefined && !after.isOver;
    this.#grown.add(nodeId);
  }

  /** What was kept free there no longer is. */
  grow(nodeId: NodeId): void {
    this.#grown.add(nodeId);
  }

  nodeOf(nodeId: NodeId): NodeCapacity | undefined {
    return this.#nodes.get(nodeId);
  }

  attemptIdsOn(nodeId: NodeId): ReadonlySet<AttemptId> {
    return this.#nodes.get(nodeId)?.attemptIds ?? new Set();
  }

  get hasGrown(): boolean {
    return this.#grown.size > 0;
  }

  /** The open nodes that may have gained room since the last call; forgets them. */
  takeGrown(): NodeList {
    const grown = [...this.#grown].map((nodeId) => this.#nodes.get(nodeId)).filter((node) => node !== undefined);
    this.#grown = new Set();
    return listOf(grown.filter(isOpen));
  }

  /** New work may go there; in the order in which the nodes joined. */
  openNodes(): NodeList {
    return (this.#open ??= listOf([...this.#nodes.values()].filter(isOpen)));
  }

  allNodes(): NodeCapacity[] {
    return [...this.#nodes.values()];
  }

  isOpen(nodeId: NodeId): boolean {
    const node = this.#nodes.get(nodeId);
    return node !== undefined && isOpen(node);
  }

  isCoolingDown(nodeId: NodeId): boolean {
    return this.#nodes.get(nodeId)?.isCoolingDown ?? false;
  }

  hasRoom(nodeId: NodeId, request: ResourceRequest): boolean {
    const node = this.#nodes.get(nodeId);
    return node !== undefined && hasRoom(node, this.#demands.of(request));
  }

  freeOn(nodeId: NodeId): { cpuMilli: number; memoryBytes: number; gpuShares: GpuShare[] } {
    const { cpuMilli, memoryBytes, groups } = this.#node(nodeId).free;
    const devices = groups.flatMap((group) => group.devices);
    const gpuShares = devices.map(({ id, freeMilli }) => ({ gpuId: id, gpuMilli: freeMilli }));
    return { cpuMilli, memoryBytes, gpuShares };
  }

  roomOn(nodeId: NodeId): Room {
    return this.#node(nodeId).free;
  }

  /** All that the node offers, as if nothing were promised and every GPU well. */
  roomInAll(nodeId: NodeId): Readonly<Room> {
    return this.#node(nodeId).all;
  }

  /** Anew from what the node offers and what is held there. */
  #measure(node: NodeCapacity, record: NodeRecord): void {
    this.#countKinds(node.all, -1);
    node.all = wholeRoom(record.capacity, record.hardware.gpus, this.kinds);
    this.#countKinds(node.all, 1);
    this.wholeIndex.note(node.slot, node.all);
    node.free = wholeRoom(usableCapacity(record), record.hardware.gpus, this.kinds);
    node.all = { ...node.all, models: node.models };
    node.free.models = node.models;
    for (const attemptId of node.attemptIds) {
      const allocation = this.#allocations.get(attemptId);
      if (allocation) take(node.free, allocation);
    }
    this.index.note(node.slot, node.free);
  }

  #remove(nodeId: NodeId): void {
    this.#countKinds(this.#node(nodeId).all, -1);
    this.#nodes.delete(nodeId);
  }

  #countKinds({ groups }: Readonly<Room>, sign: 1 | -1): void {
    for (const { kind, devices } of groups) this.kinds.count(kind, sign * devices.length);
  }

  #node(nodeId: NodeId): NodeCapacity {
    let node = this.#nodes.get(nodeId);
    if (!node) {
      const nothing = {
        all: NO_ROOM,
        free: { ...NO_ROOM },
        attemptIds: new Set<AttemptId>(),
        models: new Set<RevisionId>(),
      };
      node = { nodeId, slot: this.#nextSlot++, isAvailable: false, isCoolingDown: false, ...nothing };
      this.#nodes.set(nodeId, node);
    }
    return node;
  }
}

export function hasRoom(node: NodeCapacity, demand: Demand): boolean {
  return node.attemptIds.size < MAX_ATTEMPTS_PER_NODE && fits(node.free, demand);
}

function listOf(nodes: readonly NodeCapacity[]): NodeList {
  return { nodes, slots: Int32Array.from(nodes, ({ slot }) => slot) };
}

export function isOpen(node: NodeCapacity): boolean {
  return node.isAvailable && !node.isCoolingDown;
}

function isOtherwise(before: NodeRecord, after: NodeRecord): boolean {
  return before.capacity !== after.capacity || before.hardware !== after.hardware || before.health !== after.health;
}
