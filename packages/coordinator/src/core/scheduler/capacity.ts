import type { AttemptId, NodeId } from "@drover/shared/domain/ids.ts";
import type { Allocation, ResourceCapacity, ResourceRequest } from "@drover/shared/domain/resources.ts";
import { usableCapacity } from "../usable-capacity.ts";
import type { AttemptRecord, Cooldown, NodeRecord } from "../records.ts";

/** However little each asks for: a node's process table is finite too, and jobs may ask for nothing at all. */
export const MAX_ATTEMPTS_PER_NODE = 1000;

interface NodeCapacity {
  nodeId: NodeId;
  /** Connected, willing and not unhealthy. */
  isAvailable: boolean;
  /** It failed to start something lately. */
  isCoolingDown: boolean;
  total: ResourceCapacity;
  /** May be negative where a node came back with less than is promised on it. */
  free: { cpuMilli: number; memoryBytes: number; gpuIds: string[] };
  attemptIds: Set<AttemptId>;
}

/** Who holds what on which node: derived from attempts and nodes, never stored. */
export class Capacity {
  readonly #nodes = new Map<NodeId, NodeCapacity>();
  readonly #allocations = new Map<AttemptId, Allocation>();
  /** Nodes that may have room they had not at the last pass. */
  #grown = new Set<NodeId>();

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
      take(node, attempt.allocation);
    } else {
      node.attemptIds.delete(attempt.id);
      give(node, attempt.allocation);
      this.#grown.add(node.nodeId);
    }
  }

  onNodeChange(before: NodeRecord | undefined, after: NodeRecord | undefined): void {
    if (!after) {
      if (before) this.#nodes.delete(before.id);
      return;
    }
    const node = this.#node(after.id);
    node.isAvailable = after.link === "online" && after.admin === "schedulable" && after.health.state !== "unhealthy";
    if (!before || before.capacity !== after.capacity || before.health !== after.health) {
      node.total = usableCapacity(after);
      node.free = { ...node.total, gpuIds: [...node.total.gpuIds] };
      for (const attemptId of node.attemptIds) {
        const allocation = this.#allocations.get(attemptId);
        if (allocation) take(node, allocation);
      }
    }
    this.#grown.add(after.id);
  }

  onCooldownChange(before: Cooldown | undefined, after: Cooldown | undefined): void {
    const nodeId = (after ?? before)?.nodeId;
    if (nodeId === undefined) return;
    this.#node(nodeId).isCoolingDown = after !== undefined && !after.isOver;
    this.#grown.add(nodeId);
  }

  attemptIdsOn(nodeId: NodeId): ReadonlySet<AttemptId> {
    return this.#nodes.get(nodeId)?.attemptIds ?? new Set();
  }

  /** The nodes that may have gained room since the last call; forgets them. */
  takeGrown(): ReadonlySet<NodeId> {
    const grown = this.#grown;
    this.#grown = new Set();
    return grown;
  }

  /** New work may go there; in the order in which the nodes joined. */
  openNodeIds(): NodeId[] {
    return [...this.#nodes.values()].filter(isOpen).map((node) => node.nodeId);
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
    const free = node?.free;
    return (
      free !== undefined &&
      node !== undefined &&
      node.attemptIds.size < MAX_ATTEMPTS_PER_NODE &&
      request.cpuMilli <= free.cpuMilli &&
      request.memoryBytes <= free.memoryBytes &&
      request.gpuCount <= free.gpuIds.length
    );
  }

  /** The exact share that a request would get; only where `hasRoom`. */
  allocationFor(nodeId: NodeId, request: ResourceRequest): Allocation {
    return {
      cpuMilli: request.cpuMilli,
      memoryBytes: request.memoryBytes,
      gpuIds: this.#node(nodeId).free.gpuIds.slice(0, request.gpuCount),
    };
  }

  freeOn(nodeId: NodeId): ResourceCapacity {
    return this.#node(nodeId).free;
  }

  #node(nodeId: NodeId): NodeCapacity {
    let node = this.#nodes.get(nodeId);
    if (!node) {
      const nothing = { cpuMilli: 0, memoryBytes: 0, gpuIds: [] };
      node = {
        nodeId,
        isAvailable: false,
        isCoolingDown: false,
        total: nothing,
        free: { ...nothing, gpuIds: [] },
        attemptIds: new Set(),
      };
      this.#nodes.set(nodeId, node);
    }
    return node;
  }
}

function isOpen(node: NodeCapacity): boolean {
  return node.isAvailable && !node.isCoolingDown;
}

function take(node: NodeCapacity, allocation: Allocation): void {
  node.free.cpuMilli -= allocation.cpuMilli;
  node.free.memoryBytes -= allocation.memoryBytes;
  if (allocation.gpuIds.length > 0) {
    node.free.gpuIds = node.free.gpuIds.filter((id) => !allocation.gpuIds.includes(id));
  }
}

function give(node: NodeCapacity, allocation: Allocation): void {
  node.free.cpuMilli += allocation.cpuMilli;
  node.free.memoryBytes += allocation.memoryBytes;
  // A device that the node has lost meanwhile is not given back; the order stays that of the capacity.
  if (allocation.gpuIds.length > 0) {
    const free = new Set([...node.free.gpuIds, ...allocation.gpuIds]);
    node.free.gpuIds = node.total.gpuIds.filter((id) => free.has(id));
  }
}
