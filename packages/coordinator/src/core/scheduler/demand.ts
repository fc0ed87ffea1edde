import type { RevisionId } from "@drover/shared/domain/model.ts";
import { WHOLE_GPU_MILLI, type ResourceRequest } from "@drover/shared/domain/resources.ts";
import type { GpuKind } from "./gpu-kinds.ts";

/** `A100` is an `A100-40GB` and an `A100-80GB`; an `RTX-4080` is no `RTX-4080-SUPER`. */
const MEMORY_SUFFIX = /-\d+gb$/;

/** A request as the scheduler works with it. */
export class Demand {
  readonly request: ResourceRequest;
  /** The same for all that ask for exactly the same. */
  readonly key: string;
  readonly cpuMilli: number;
  readonly memoryBytes: number;
  readonly gpuCount: number;
  /** Of some GPU so much must be free at the least, of whatever kind it is. */
  readonly leastMilli: number;
  /** So many GPUs must be free as a whole. */
  readonly wholeCount: number;
  /** What must be ready on the node. */
  readonly revisionIds: readonly RevisionId[];
  readonly #models: ReadonlySet<string>;
  readonly #milliByKind: number[] = [];

  constructor(request: ResourceRequest) {
    this.request = request;
    this.key = keyOf(request);
    this.cpuMilli = request.cpuMilli;
    this.memoryBytes = request.memoryBytes;
    this.gpuCount = request.gpuCount;
    const isWhole = request.gpuMilli === WHOLE_GPU_MILLI && request.gpuMemoryBytes === null;
    this.leastMilli = request.gpuCount === 0 ? 0 : request.gpuMemoryBytes === null ? request.gpuMilli : 1;
    this.wholeCount = isWhole ? request.gpuCount : 0;
    this.revisionIds = revisionIdsOf(request);
    this.#models = new Set(request.gpuModels.map((model) => model.toLowerCase()));
  }

  /** The share that it needs of each GPU of a kind, in thousandths; 0 where none of that kind will do. */
  milliOn(kind: GpuKind): number {
    return (this.#milliByKind[kind.index] ??= this.#milliNeededOn(kind));
  }

  #milliNeededOn({ names, memoryBytes, isPart }: GpuKind): number {
    const { gpuMilli, gpuMemoryBytes, gpuMemoryMinBytes } = this.request;
    if (isPart && (this.#models.size === 0 || this.gpuCount > 1)) return 0;
    if (this.#models.size > 0 && !names.some((name) => this.#accepts(name))) return 0;
    // Of a GPU that does not say how much memory it has nothing can be promised.
    if ((memoryBytes ?? 0) < Math.max(gpuMemoryMinBytes, gpuMemoryBytes ?? 0)) return 0;
    if (gpuMemoryBytes === null) return gpuMilli;
    // Rounded up: a thousandth too little would promise memory that is not there.
    return Math.ceil((gpuMemoryBytes * WHOLE_GPU_MILLI) / (memoryBytes ?? 0));
  }

  #accepts(name: string): boolean {
    return this.#models.has(name) || this.#models.has(name.replace(MEMORY_SUFFIX, ""));
  }
}

/** All tasks of a job share one request: what was worked out for one is not worked out again. */
export class Demands {
  readonly #byRequest = new WeakMap<ResourceRequest, Demand>();

  of(request: ResourceRequest): Demand {
    let demand = this.#byRequest.get(request);
    if (!demand) {
      demand = new Demand(request);
      this.#byRequest.set(request, demand);
    }
    return demand;
  }
}

/** Of the models that it names. */
export function revisionIdsOf({ models }: ResourceRequest): RevisionId[] {
  return (models ?? []).flatMap(({ revisionId }) => (revisionId === null ? [] : [revisionId]));
}

function keyOf({ gpuModels, ...request }: ResourceRequest): string {
  const { cpuMilli, memoryBytes, gpuCount, gpuMilli, gpuMemoryBytes, gpuMemoryMinBytes } = request;
  const models = gpuModels.map((model) => model.toLowerCase()).toSorted();
  const revisionIds = revisionIdsOf({ gpuModels, ...request }).toSorted();
  return JSON.stringify([
    cpuMilli,
    memoryBytes,
    gpuCount,
    gpuMilli,
    gpuMemoryBytes,
    gpuMemoryMinBytes,
    models,
    revisionIds,
  ]);
}
