import type { GpuUse } from "../probe/live/gpu-use.ts";
import type { Observation } from "./judge.ts";

/** A GPU, or an instance of a split one, whose memory an attempt that has ended did not give back. */
export interface Quarantine {
  gpuId: string;
  evidence: string;
  /** With no more than this taken it is clean again. */
  allowedBytes: number;
  sinceMs: number;
}

export interface QuarantinePorts {
  load(): readonly Quarantine[];
  /** Also of an agent that starts anew: who holds the memory outlives it. */
  save(quarantines: readonly Quarantine[]): void;
}

/** Which GPUs are given to nobody until they are clean, or until an operator says otherwise. */
export class Quarantines {
  readonly #ports: QuarantinePorts;
  #byGpu: ReadonlyMap<string, Quarantine>;

  constructor(ports: QuarantinePorts) {
    this.#ports = ports;
    this.#byGpu = new Map(ports.load().map((one) => [one.gpuId, one]));
  }

  add(quarantine: Quarantine): void {
    this.#set([...[...this.#byGpu.values()].filter(({ gpuId }) => gpuId !== quarantine.gpuId), quarantine]);
  }

  /** What is clean by now is let go. */
  review(readUses: () => readonly GpuUse[]): Observation[] {
    if (this.#byGpu.size === 0) return [];
    const uses = readUses();
    const isClean = ({ gpuId, allowedBytes }: Quarantine) => {
      const taken = uses.find(({ id }) => id === gpuId)?.memoryUsedBytes ?? null;
      return taken !== null && taken <= allowedBytes;
    };
    const all = [...this.#byGpu.values()];
    const left = all.filter((one) => !isClean(one));
    if (left.length < all.length) this.#set(left);
    return left.map(({ gpuId, evidence, sinceMs }) => ({ gpuId, code: "quarantined", evidence, sinceMs }));
  }

  #set(quarantines: readonly Quarantine[]): void {
    this.#byGpu = new Map(quarantines.map((one) => [one.gpuId, one]));
    this.#ports.save(quarantines);
  }
}
