import type { Clock } from "@drover/shared/clock.ts";
import { isDroverError } from "@drover/shared/errors.ts";
import { MS_PER_MINUTE } from "@drover/shared/units.ts";

const FIRST_DELAY_MS = 100;
const MAX_DELAY_MS = 2000;
/** Longer than any restart or upgrade of a coordinator takes; shorter than a night of a hanging CI job. */
const GIVE_UP_AFTER_MS = 15 * MS_PER_MINUTE;

/** The coordinator is gone for now, and what was asked may be asked again when it is back. */
export function isConnectionLoss(error: unknown): boolean {
  return isDroverError(error) && (error.code === "coordinator.unreachable" || error.code === "coordinator.stopping");
}

/** Asks again until the coordinator answers. One per command, so that many followers tell of one outage once. */
export class Reconnector {
  readonly #clock: Clock;
  readonly #tell: (sentence: string) => Promise<void>;
  #lostAtMs: number | null = null;

  constructor({ clock, tell }: { clock: Clock; tell: (sentence: string) => Promise<void> }) {
    this.#clock = clock;
    this.#tell = tell;
  }

  /** Every failure but a lost connection is thrown at once; a lost connection only after 15 minutes. */
  async request<T>(ask: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    for (let delayMs = FIRST_DELAY_MS; ; delayMs = Math.min(delayMs * 2, MAX_DELAY_MS)) {
      try {
        const answer = await ask();
        await this.#noteAnswer();
        return answer;
      } catch (error) {
        if (!isConnectionLoss(error) || signal?.aborted) throw error;
        if (await this.#noteSilence()) throw error;
      }
      await this.pause(delayMs, signal);
    }
  }

  /** Resolves after `delayMs`, or at once when `signal` aborts. */
  pause(delayMs: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#clock.callAfter(delayMs, done);
      signal?.addEventListener("abort", done, { once: true });
      function done(): void {
        cancel();
        signal?.removeEventListener("abort", done);
        resolve();
      }
    });
  }

  async #noteAnswer(): Promise<void> {
    if (this.#lostAtMs === null) return;
    this.#lostAtMs = null;
    await this.#tell("the coordinator is back");
  }

  /** Whether it has been silent for too long. */
  async #noteSilence(): Promise<boolean> {
    const nowMs = this.#clock.monotonicMs();
    if (this.#lostAtMs !== null) return nowMs - this.#lostAtMs > GIVE_UP_AFTER_MS;
    this.#lostAtMs = nowMs;
    await this.#tell("the coordinator does not answer; what runs goes on, and this resumes when it is back");
    return false;
  }
}
