import { WHOLE_GPU_MILLI } from "@drover/shared/domain/resources.ts";
import type { GpuKind } from "./gpu-kinds.ts";
import type { WeightedDemand } from "./fragmentation.ts";

/** What one typical request means for GPUs of one kind. */
interface Need {
  /** Its number among the thresholds: it fits where the node's rank is at least this. */
  cpuRank: number;
  memoryRank: number;
  gpuCount: number;
  /** 0: it can use none of this kind. */
  milli: number;
  weight: number;
}

/** How much of what is free on GPUs of one kind the mix cannot use, on a node with so much CPU and memory free. */
export interface UnusableTable {
  /** By the rank of a GPU's free share: the weight of what that share is too small for. */
  readonly byShare: Float64Array;
  /** By the number of GPUs that are free as a whole: the further weight of what needs more of them than that. */
  readonly byWholeCount: Float64Array;
}

/**
 * For one kind of GPU. The weights add up GPU by GPU, so that a node's sum costs one look-up for each of its GPUs:
 * a share that is smaller than what a request needs cannot be used by it, whatever lies on the GPUs beside it. Only
 * requests for several GPUs look at the node as a whole, and those count its free ones.
 */
export class UnusableTables {
  readonly #needs: readonly Need[];
  /** For each free share in thousandths, how many of the shares that requests ask for it holds. */
  readonly #shareRank = new Uint16Array(WHOLE_GPU_MILLI + 1);
  readonly #shares: readonly number[];
  readonly #mostGpus: number;
  readonly #memoryRanks: number;
  readonly #tables: (UnusableTable | undefined)[] = [];

  constructor(kind: GpuKind, demands: readonly WeightedDemand[], cpuSteps: Float64Array, memorySteps: Float64Array) {
    this.#needs = demands.map(({ demand, weight }) => ({
      cpuRank: rankOf(cpuSteps, demand.cpuMilli),
      memoryRank: rankOf(memorySteps, demand.memoryBytes),
      gpuCount: demand.gpuCount,
      milli: demand.milliOn(kind),
      weight,
    }));
    const singles = this.#needs.filter(({ gpuCount, milli }) => gpuCount === 1 && milli > 0);
    // A GPU that is free as a whole has a rank of its own.
    const shares = new Set([...singles.map(({ milli }) => milli), WHOLE_GPU_MILLI]);
    this.#shares = [...shares].toSorted((a, b) => a - b);
    for (let milli = 0, rank = 0; milli <= WHOLE_GPU_MILLI; milli++) {
      if (milli === this.#shares[rank]) rank++;
      this.#shareRank[milli] = rank;
    }
    this.#mostGpus = Math.max(1, ...this.#needs.map(({ gpuCount }) => gpuCount));
    this.#memoryRanks = memorySteps.length + 1;
  }

  /** Of a GPU of which so much is free. */
  rankOf(freeMilli: number): number {
    return this.#shareRank[freeMilli] as number;
  }

  /** For a node whose free CPU and memory have these ranks: that of the CPU times the memory's number of ranks, plus its rank. */
  at(id: number): UnusableTable {
    return (this.#tables[id] ??= this.#make(Math.floor(id / this.#memoryRanks), id % this.#memoryRanks));
  }

  #make(cpuRank: number, memoryRank: number): UnusableTable {
    const byShare = new Float64Array(this.#shares.length + 1);
    const byWholeCount = new Float64Array(this.#mostGpus + 1);
    for (const need of this.#needs) {
      const { gpuCount, milli, weight } = need;
      const cannotRun = milli === 0 || need.cpuRank > cpuRank || need.memoryRank > memoryRank;
      // Too small are all shares that do not hold it; of what needs several GPUs, all that are not whole.
      const tooSmall = cannotRun ? byShare.length : gpuCount === 1 ? this.rankOf(milli) : byShare.length - 1;
      for (let rank = 0; rank < tooSmall; rank++) byShare[rank] = (byShare[rank] as number) + weight;
      if (cannotRun || gpuCount === 1) continue;
      for (let count = 0; count < gpuCount; count++) byWholeCount[count] = (byWholeCount[count] as number) + weight;
    }
    return { byShare, byWholeCount };
  }
}

/** How many of the ascending steps a value reaches. */
export function rankOf(steps: Float64Array, value: number): number {
  let low = 0;
  let high = steps.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((steps[middle] as number) <= value) low = middle + 1;
    else high = middle;
  }
  return low;
}
