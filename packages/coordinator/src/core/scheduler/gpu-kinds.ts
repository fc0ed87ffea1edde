import type { GpuDevice } from "@drover/shared/domain/gpu.ts";
import { WHOLE_GPU_MILLI } from "@drover/shared/domain/resources.ts";

/** GPUs that no request can tell apart. */
export interface GpuKind {
  /** Its place in `GpuKinds.all`. */
  readonly index: number;
  /** What a request may call it, in lower case; empty where its node does not say what it is. */
  readonly names: readonly string[];
  readonly memoryBytes: number | null;
  /** A slice of a GPU (MIG): only for who names it. A process sees one at the most, whatever it is given. */
  readonly isPart: boolean;
  /** Of all such GPUs in the fleet, whatever is held of them. */
  totalMilli: number;
}

/** The kinds that the fleet has had; few, so that what is known of one is kept in arrays by its index. */
export class GpuKinds {
  readonly #kinds = new Map<string, GpuKind>();
  readonly all: GpuKind[] = [];
  /** Counts the changes of how much there is of any kind. */
  version = 0;

  of(names: readonly string[], memoryBytes: number | null, isPart = false): GpuKind {
    const key = JSON.stringify([names, memoryBytes, isPart]);
    let kind = this.#kinds.get(key);
    if (!kind) {
      kind = { index: this.all.length, names, memoryBytes, isPart, totalMilli: 0 };
      this.#kinds.set(key, kind);
      this.all.push(kind);
    }
    return kind;
  }

  /** So many GPUs of a kind have joined the fleet, or left it. */
  count(kind: GpuKind, deviceCount: number): void {
    kind.totalMilli += deviceCount * WHOLE_GPU_MILLI;
    this.version++;
  }
}

/** What can be given away under this id: a GPU, or a part of one; nothing is known where the node did not describe it. */
export function describeDevice(
  id: string,
  gpus: readonly GpuDevice[],
): { names: string[]; memoryBytes: number | null; isPart: boolean } {
  for (const gpu of gpus) {
    if (gpu.id === id)
      return { names: namesOf([gpu.model, gpu.modelName]), memoryBytes: gpu.memoryBytes, isPart: false };
    const part = gpu.migInstances.find((instance) => instance.id === id);
    if (part) {
      const names = namesOf([`${gpu.modelName ?? gpu.model}-${part.profile}`]);
      return { names, memoryBytes: part.memoryBytes, isPart: true };
    }
  }
  return { names: [], memoryBytes: null, isPart: false };
}

function namesOf(names: readonly (string | null)[]): string[] {
  return [...new Set(names.filter((name) => name !== null).map((name) => name.toLowerCase()))];
}
