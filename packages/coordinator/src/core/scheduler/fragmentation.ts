import { WHOLE_GPU_MILLI } from "@drover/shared/domain/resources.ts";
import type { Demand } from "./demand.ts";
import type { GpuKind } from "./gpu-kinds.ts";
import type { TypicalDemand } from "./request-mix.ts";
import type { Device, DeviceGroup, Room } from "./room.ts";
import { rankOf, UnusableTables, type UnusableTable } from "./unusable-table.ts";

export interface WeightedDemand {
  readonly demand: Demand;
  readonly weight: number;
}

/** Where on a node a demand goes, and what is usable there afterwards; filled in by `place`, which is called very often. */
export class Placement {
  usableMilli = 0;
  /** Of a demand for one GPU, or a share of one: which. Of several, the first that are free as a whole are as good as any. */
  device: Device | null = null;
  /** What it gets of each GPU. */
  gpuMilli = WHOLE_GPU_MILLI;
}

/**
 * How much of what is free is of use to what the fleet is asked for, in thousandths of a GPU: see README.md. Made from one
 * state of the request mix and of the fleet's GPUs; does not change.
 */
export class Fragmentation {
  readonly #tables: UnusableTables[];
  readonly #cpuSteps: Float64Array;
  readonly #memorySteps: Float64Array;
  /** CPU and memory that the mix asks for with each thousandth of a GPU. */
  readonly #cpuMilliPerGpuMilli: number;
  readonly #memoryBytesPerGpuMilli: number;

  constructor(typical: readonly TypicalDemand[], kinds: readonly GpuKind[]) {
    const total = typical.reduce((sum, { count }) => sum + count, 0);
    const forGpus = typical.filter(({ demand }) => demand.gpuCount > 0 && acceptableMilli(demand, kinds) > 0);
    const fleetMilli = kinds.reduce((sum, { totalMilli }) => sum + totalMilli, 0);
    const demands = forGpus.map(({ demand, count }) => ({
      demand,
      // What can use only some of the GPUs leans on each of those the more.
      weight: ((count / total) * fleetMilli) / acceptableMilli(demand, kinds),
    }));
    this.#cpuSteps = stepsOf(demands.map(({ demand }) => demand.cpuMilli));
    this.#memorySteps = stepsOf(demands.map(({ demand }) => demand.memoryBytes));
    this.#tables = kinds.map((kind) => new UnusableTables(kind, demands, this.#cpuSteps, this.#memorySteps));
    const sum = (amountOf: (demand: Demand) => number): number =>
      forGpus.reduce((all, { demand, count }) => all + count * amountOf(demand), 0);
    const gpuMilli = sum((demand) => demand.gpuCount * usualMilli(demand, kinds)) || 1;
    this.#cpuMilliPerGpuMilli = sum(({ cpuMilli }) => cpuMilli) / gpuMilli;
    this.#memoryBytesPerGpuMilli = sum(({ memoryBytes }) => memoryBytes) / gpuMilli;
  }

  /** Of what is free now. */
  usableMilli(room: Room): number {
    if (room.measured?.by === this) return room.measured.usableMilli;
    const { cpuMilli, memoryBytes } = room;
    const fragmentMilli = this.#fragmentMilli(room, this.#tableId(cpuMilli, memoryBytes));
    const usableMilli = Math.min(room.gpuMilli, this.#suppliedMilli(cpuMilli, memoryBytes)) - fragmentMilli;
    room.measured = { by: this, usableMilli };
    return usableMilli;
  }

  /** Where in the room, in which it fits, a demand leaves the most usable. */
  place(room: Room, demand: Demand, placement: Placement): void {
    const cpuMilli = room.cpuMilli - demand.cpuMilli;
    const memoryBytes = room.memoryBytes - demand.memoryBytes;
    const rest = {
      tableId: this.#tableId(cpuMilli, memoryBytes),
      suppliedMilli: this.#suppliedMilli(cpuMilli, memoryBytes),
    };
    placement.device = null;
    placement.gpuMilli = WHOLE_GPU_MILLI;
    if (demand.gpuCount === 1) this.#placeOnOne(room, demand, rest, placement);
    else this.#placeOnSeveral(room, demand, rest, placement);
  }

  #placeOnOne(room: Room, demand: Demand, { tableId, suppliedMilli }: Rest, placement: Placement): void {
    const fragmentMilli = this.#fragmentMilli(room, tableId);
    placement.usableMilli = Number.NEGATIVE_INFINITY;
    for (const group of room.groups) {
      const milli = demand.milliOn(group.kind);
      if (milli === 0) continue;
      const tables = this.#tables[group.kind.index] as UnusableTables;
      const table = tables.at(tableId);
      const wholeCount = wholeCountOf(group);
      const breaksWhole = wholeMilli(table, wholeCount - 1) - wholeMilli(table, wholeCount);
      const atMost = Math.min(room.gpuMilli - milli, suppliedMilli) - fragmentMilli;
      let triedMilli = -1;
      for (const device of group.devices) {
        const { freeMilli } = device;
        // What is the same on a GPU of which as much is free needs no second look.
        if (freeMilli < milli || freeMilli === triedMilli) continue;
        triedMilli = freeMilli;
        const left = shareMilli(tables, table, freeMilli - milli);
        const change = left - shareMilli(tables, table, freeMilli) + (freeMilli === WHOLE_GPU_MILLI ? breaksWhole : 0);
        if (atMost - change <= placement.usableMilli) continue;
        placement.usableMilli = atMost - change;
        placement.device = device;
        placement.gpuMilli = milli;
      }
    }
  }

  /** None, or whole ones: only those are asked for by the number. */
  #placeOnSeveral(room: Room, demand: Demand, { tableId, suppliedMilli }: Rest, placement: Placement): void {
    let fragmentMilli = this.#fragmentMilli(room, tableId);
    let wanted = demand.gpuCount;
    for (const group of room.groups) {
      if (wanted === 0) break;
      if (demand.milliOn(group.kind) === 0) continue;
      const free = wholeCountOf(group);
      const taken = Math.min(free, wanted);
      const tables = this.#tables[group.kind.index] as UnusableTables;
      const table = tables.at(tableId);
      fragmentMilli -= taken * shareMilli(tables, table, WHOLE_GPU_MILLI);
      fragmentMilli += wholeMilli(table, free - taken) - wholeMilli(table, free);
      wanted -= taken;
    }
    const gpuMilli = room.gpuMilli - demand.gpuCount * WHOLE_GPU_MILLI;
    placement.usableMilli = Math.min(gpuMilli, suppliedMilli) - fragmentMilli;
  }

  /** What the requests of the mix, each by itself, could not use: weighted by how many ask so. */
  #fragmentMilli({ groups }: Room, tableId: number): number {
    let milli = 0;
    for (const group of groups) {
      const tables = this.#tables[group.kind.index] as UnusableTables;
      const table = tables.at(tableId);
      let wholeCount = 0;
      for (const { freeMilli } of group.devices) {
        milli += shareMilli(tables, table, freeMilli);
        if (freeMilli === WHOLE_GPU_MILLI) wholeCount++;
      }
      milli += wholeMilli(table, wholeCount);
    }
    return milli;
  }

  /** For how much GPU so much CPU and memory suffices, as the mix asks for them with a GPU. */
  #suppliedMilli(cpuMilli: number, memoryBytes: number): number {
    const byCpu = suppliedBy(cpuMilli, this.#cpuMilliPerGpuMilli);
    return Math.min(byCpu, suppliedBy(memoryBytes, this.#memoryBytesPerGpuMilli));
  }

  /** Which of the tables is that of a node with so much CPU and memory free. */
  #tableId(cpuMilli: number, memoryBytes: number): number {
    return rankOf(this.#cpuSteps, cpuMilli) * (this.#memorySteps.length + 1) + rankOf(this.#memorySteps, memoryBytes);
  }
}

/** What CPU and memory are left beside the GPUs, in the terms of the mix. */
interface Rest {
  readonly tableId: number;
  readonly suppliedMilli: number;
}

function suppliedBy(amount: number, perGpuMilli: number): number {
  return perGpuMilli === 0 ? Number.POSITIVE_INFINITY : Math.max(0, amount) / perGpuMilli;
}

function shareMilli(tables: UnusableTables, table: UnusableTable, freeMilli: number): number {
  return freeMilli * (table.byShare[tables.rankOf(freeMilli)] as number);
}

function wholeMilli({ byWholeCount }: UnusableTable, count: number): number {
  return count <= 0 ? 0 : count * WHOLE_GPU_MILLI * (byWholeCount[Math.min(count, byWholeCount.length - 1)] as number);
}

function wholeCountOf({ devices }: DeviceGroup): number {
  let count = 0;
  for (const { freeMilli } of devices) if (freeMilli === WHOLE_GPU_MILLI) count++;
  return count;
}

function acceptableMilli(demand: Demand, kinds: readonly GpuKind[]): number {
  return kinds.reduce((sum, kind) => sum + (demand.milliOn(kind) > 0 ? kind.totalMilli : 0), 0);
}

/** The share that it gets of a GPU, as a mean over those that will do. */
function usualMilli(demand: Demand, kinds: readonly GpuKind[]): number {
  const sum = kinds.reduce((all, kind) => all + demand.milliOn(kind) * kind.totalMilli, 0);
  return sum / acceptableMilli(demand, kinds);
}

function stepsOf(values: readonly number[]): Float64Array {
  return Float64Array.from(new Set(values)).sort();
}
