import { hasRoom, type NodeCapacity, type NodeList } from "./capacity.ts";
import type { Demand } from "./demand.ts";
import { Placement, type Fragmentation } from "./fragmentation.ts";
import { wholeDevices } from "./room.ts";
import type { RoomIndex } from "./room-index.ts";

/** A pass over very many tasks shares so many looks at a node among them. */
const LOOKS_PER_PASS = 1_600_000;
const LEAST_WINDOW = 16;
/** Sums of floating-point numbers in another order are this close to each other, and no two scores that differ. */
const SAME_MILLI = 1e-6;

/** Among how many nodes each of so many tasks may choose: all of them, unless the tasks are very many. */
export function windowSizeFor(taskCount: number): number {
  return Math.max(LEAST_WINDOW, Math.floor(LOOKS_PER_PASS / taskCount));
}

export interface Place {
  readonly node: NodeCapacity;
  readonly gpuIds: string[];
  /** What it gets of each of them. */
  readonly gpuMilli: number;
}

/** Whether so much of the node may be given, though it fits. */
export type Admission = (node: NodeCapacity, placement: Placement) => boolean;

/**
 * The nodes that one shape has yet to fill in a pass. Room only shrinks during a pass, so a node without room is never
 * looked at again; of those with room the first few, the window, compete.
 */
export class NodeSearch {
  readonly #nodes: readonly NodeCapacity[];
  /** The nodes' places in the index, so that most nodes are ruled out without being touched. */
  readonly #slots: Int32Array;
  readonly #index: RoomIndex;
  readonly #fragmentation: Fragmentation;
  readonly #windowSize: number;
  readonly #window: NodeCapacity[] = [];
  /** Nodes before this one are in the window or have no room. */
  #cursor = 0;

  constructor({ nodes, slots }: NodeList, index: RoomIndex, fragmentation: Fragmentation, windowSize: number) {
    this.#nodes = nodes;
    this.#slots = slots;
    this.#index = index;
    this.#fragmentation = fragmentation;
    this.#windowSize = windowSize;
  }

  /** Where the demand leaves the most of what is free usable; of equals, the node that joined first. */
  best(demand: Demand, admits: Admission): Place | null {
    this.#refill(demand);
    let best: NodeCapacity | null = null;
    let placement = new Placement();
    let other = new Placement();
    let leastLossMilli = Number.POSITIVE_INFINITY;
    for (const node of this.#window) {
      this.#fragmentation.place(node.free, demand, other);
      const lossMilli = this.#fragmentation.usableMilli(node.free) - other.usableMilli;
      if (lossMilli >= leastLossMilli - SAME_MILLI) continue;
      if (!admits(node, other)) continue;
      leastLossMilli = lossMilli;
      best = node;
      [placement, other] = [other, placement];
    }
    if (!best) return null;
    return { node: best, gpuIds: gpuIdsOf(best, demand, placement), gpuMilli: placement.gpuMilli };
  }

  #refill(demand: Demand): void {
    let kept = 0;
    for (const node of this.#window) if (hasRoom(node, demand)) this.#window[kept++] = node;
    this.#window.length = kept;
    for (; this.#window.length < this.#windowSize && this.#cursor < this.#slots.length; this.#cursor++) {
      if (!this.#index.mayFit(this.#slots[this.#cursor] as number, demand)) continue;
      const node = this.#nodes[this.#cursor] as NodeCapacity;
      if (hasRoom(node, demand)) this.#window.push(node);
    }
  }
}

/** Which GPUs the demand gets there. */
export function gpuIdsOf(node: NodeCapacity, demand: Demand, { device }: Placement): string[] {
  return (device ? [device] : wholeDevices(node.free, demand)).map(({ id }) => id);
}
