import type { Timeline } from "./timeline.ts";

/** Unwinds a process that was killed in the middle of what it did: from then on nothing it does has an effect. */
export class Killed extends Error {
  constructor() {
    super("killed");
  }
}

/**
 * A process of the simulation: a life between its start and its end, which may be put to sleep (SIGSTOP, a machine
 * that swaps) and killed at any moment, also between two effects of one and the same step.
 */
export class Process {
  readonly name: string;
  readonly #timeline: Timeline;
  readonly #onUncaught: (error: unknown) => void;
  #isAlive = true;
  #sleepsUntilMs = 0;
  #asleep: (() => void)[] = [];
  /** Effects until it is killed in the middle of one. */
  #effectsLeft = Infinity;
  #onKilled: () => void = () => {};

  constructor(name: string, timeline: Timeline, onUncaught: (error: unknown) => void) {
    this.name = name;
    this.#timeline = timeline;
    this.#onUncaught = onUncaught;
  }

  get isAlive(): boolean {
    return this.#isAlive;
  }

  get isAsleep(): boolean {
    return this.#timeline.nowMs < this.#sleepsUntilMs;
  }

  /** Runs something in the process, at once or when it wakes. */
  run(action: () => void): void {
    if (!this.#isAlive) return;
    // What waits behind a sleeper keeps its order, also in the moment of waking.
    if (this.isAsleep || this.#asleep.length > 0) {
      this.#asleep.push(action);
      return;
    }
    try {
      action();
    } catch (error) {
      if (!(error instanceof Killed)) this.#onUncaught(error);
    }
  }

  after(delayMs: number, action: () => void): () => void {
    return this.#timeline.after(delayMs, () => this.run(action));
  }

  sleep(durationMs: number): void {
    this.#sleepsUntilMs = Math.max(this.#sleepsUntilMs, this.#timeline.nowMs + durationMs);
    this.#timeline.after(durationMs, () => this.#wake());
  }

  wakeNow(): void {
    this.#sleepsUntilMs = 0;
    this.#wake();
  }

  /** Around every effect: what is dead has none, and this may be the moment at which it dies. */
  effect<T>(act: () => T): T {
    this.#maybeDie();
    const result = act();
    this.#maybeDie();
    return result;
  }

  /** What a dead process asks it is never told. */
  mustLive(): void {
    if (!this.#isAlive) throw new Killed();
  }

  killAfterEffects(count: number, onKilled: () => void): void {
    this.#effectsLeft = count;
    this.#onKilled = onKilled;
  }

  kill(): void {
    this.#isAlive = false;
    this.#asleep = [];
  }

  #maybeDie(): void {
    this.mustLive();
    if (this.#effectsLeft-- > 0) return;
    this.kill();
    this.#onKilled();
    throw new Killed();
  }

  #wake(): void {
    if (this.isAsleep) return;
    const waiting = this.#asleep;
    this.#asleep = [];
    for (const action of waiting) this.run(action);
  }
}
