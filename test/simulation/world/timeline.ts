import { MinHeap } from "@drover/coordinator/core/scheduler/min-heap.ts";

interface Entry {
  atMs: number;
  order: number;
  happen: (() => void) | null;
}

/** True time, which no machine of the simulation knows, and everything that is still to happen in it, in order. */
export class Timeline {
  #nowMs = 0;
  #order = 0;
  #happened = 0;
  readonly #entries = new MinHeap<Entry>((a, b) => a.atMs - b.atMs || a.order - b.order);

  get nowMs(): number {
    return this.#nowMs;
  }

  /** How much has happened so far. */
  get stepCount(): number {
    return this.#happened;
  }

  /** Returns what cancels it. What falls on one moment happens in the order in which it was asked for. */
  after(delayMs: number, happen: () => void): () => void {
    const entry: Entry = { atMs: this.#nowMs + Math.max(0, delayMs), order: this.#order++, happen };
    this.#entries.push(entry);
    return () => (entry.happen = null);
  }

  /** Lets the next thing happen; false when nothing is left, or nothing before `untilMs`. */
  step(untilMs: number): boolean {
    for (;;) {
      const next = this.#entries.peek();
      if (!next || next.atMs > untilMs) {
        this.#nowMs = Math.max(this.#nowMs, Math.min(untilMs, next?.atMs ?? this.#nowMs));
        return false;
      }
      this.#entries.pop();
      if (!next.happen) continue;
      this.#nowMs = next.atMs;
      this.#happened++;
      next.happen();
      return true;
    }
  }
}
