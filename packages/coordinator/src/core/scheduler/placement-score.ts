import { Fragmentation } from "./fragmentation.ts";
import type { GpuKinds } from "./gpu-kinds.ts";
import type { RequestMix } from "./request-mix.ts";

/** The mix has changed enough when so many more have been learnt, as a share of what is remembered. */
const RELEARN_SHARE = 1 / 8;

/** Keeps the measure by which nodes compete near to what the fleet is asked for and has. */
export class PlacementScore {
  readonly #mix: RequestMix;
  readonly #kinds: GpuKinds;
  #fragmentation: Fragmentation | null = null;
  #learntCount = 0;
  #kindsVersion = 0;

  constructor(mix: RequestMix, kinds: GpuKinds) {
    this.#mix = mix;
    this.#kinds = kinds;
  }

  current(): Fragmentation {
    const { learntCount, rememberedCount } = this.#mix;
    const isOutdated =
      this.#kindsVersion !== this.#kinds.version || learntCount - this.#learntCount > rememberedCount * RELEARN_SHARE;
    if (this.#fragmentation && !isOutdated) return this.#fragmentation;
    this.#learntCount = learntCount;
    this.#kindsVersion = this.#kinds.version;
    this.#fragmentation = new Fragmentation(this.#mix.typical(), this.#kinds.all);
    return this.#fragmentation;
  }
}
