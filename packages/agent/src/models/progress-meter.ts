import type { Clock } from "@drover/shared/clock.ts";

/** At most so often somebody is told. */
const INTERVAL_MS = 1000;
/** The rate is that of the last so many intervals. */
const WINDOW = 5;

/** How far a pull is, and how fast. */
export class ProgressMeter {
  readonly #clock: Clock;
  readonly #onProgress: () => void;
  #samples: { atMs: number; bytes: number }[] = [];
  #cancel: (() => void) | null = null;
  doneBytes = 0;

  constructor(clock: Clock, onProgress: () => void) {
    this.#clock = clock;
    this.#onProgress = onProgress;
  }

  setDone(bytes: number): void {
    this.doneBytes = bytes;
  }

  start(bytes: number): void {
    this.stop();
    this.doneBytes = bytes;
    this.#samples = [];
    this.#sample();
  }

  add(bytes: number): void {
    this.doneBytes = Math.max(0, this.doneBytes + bytes);
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = null;
  }

  bytesPerSecond(): number {
    const [first] = this.#samples;
    const elapsedMs = first === undefined ? 0 : this.#clock.monotonicMs() - first.atMs;
    if (first === undefined || elapsedMs <= 0) return 0;
    return Math.max(0, Math.round(((this.doneBytes - first.bytes) / elapsedMs) * 1000));
  }

  #sample(): void {
    this.#samples = [...this.#samples, { atMs: this.#clock.monotonicMs(), bytes: this.doneBytes }].slice(-WINDOW);
    this.#cancel = this.#clock.callAfter(INTERVAL_MS, () => {
      this.#onProgress();
      this.#sample();
    });
  }
}
