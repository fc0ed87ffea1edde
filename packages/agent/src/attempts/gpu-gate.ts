import type { Clock } from "@drover/shared/clock.ts";
import type { GpuUse } from "../probe/live/gpu-use.ts";
import { allowedBytes, cleanlinessOf, type GpuCleanliness } from "./gpu-release.ts";
import type { HeldAttempt } from "./report.ts";

const LOOK_EVERY_MS = 500;
/** Driver and kernel need some seconds to take down tens of gigabytes; what is still there then is there to stay. */
const AT_MOST_MS = 30_000;

export interface GpuGatePorts {
  clock: Clock;
  readGpuUses(): readonly GpuUse[];
  isProcessAlive(pid: number): boolean;
  /** Attempts that have not left this GPU yet. */
  countHolders(gpuId: string): number;
  /** Kills what lives of the attempt, wherever it hides. */
  killLeftovers(held: HeldAttempt): void;
  /** It stays as it is, and nobody else should be given it before less than `allowedBytes` of it is taken. */
  onDirty(gpuId: string, evidence: string, allowedBytes: number): void;
  /** Nothing of it is on its GPUs any more, or all that can be done about it has been done. */
  onLeft(held: HeldAttempt): void;
}

interface Leaving {
  held: HeldAttempt;
  endedAtMonotonicMs: number;
}

/**
 * Between an attempt and the next one on the same GPU: an attempt that has ended keeps its GPUs until nothing of it is
 * on them. Serving engines are known to leave workers that hold all of the memory after their parent was killed.
 */
export class GpuGate {
  readonly #ports: GpuGatePorts;
  readonly #leaving = new Map<HeldAttempt, Leaving>();
  #cancel: (() => void) | null = null;

  constructor(ports: GpuGatePorts) {
    this.#ports = ports;
  }

  /** It has ended. */
  enter(held: HeldAttempt): void {
    this.#leaving.set(held, { held, endedAtMonotonicMs: this.#ports.clock.monotonicMs() });
    this.#look();
  }

  /** Nobody waits for it any more. */
  forget(held: HeldAttempt): void {
    this.#leaving.delete(held);
  }

  #look(): void {
    const { clock, readGpuUses } = this.#ports;
    const uses = new Map(readGpuUses().map((use) => [use.id, use]));
    for (const leaving of this.#leaving.values()) this.#lookAt(leaving, uses);
    this.#cancel?.();
    this.#cancel = this.#leaving.size === 0 ? null : clock.callAfter(LOOK_EVERY_MS, () => this.#look());
  }

  #lookAt({ held, endedAtMonotonicMs }: Leaving, uses: ReadonlyMap<string, GpuUse>): void {
    const { clock, isProcessAlive, countHolders, killLeftovers, onDirty, onLeft } = this.#ports;
    const departure = { attemptId: held.attemptId, endedAtMonotonicMs, isAlive: isProcessAlive };
    const found = held.gpus.map((gpu) => {
      const isShared = countHolders(gpu.id) > 1;
      return { gpu, now: cleanlinessOf(gpu, uses.get(gpu.id), { ...departure, isShared }) };
    });
    if (found.some(({ now }) => now.is === "haunted")) killLeftovers(held);
    const isOver = clock.monotonicMs() - endedAtMonotonicMs >= AT_MOST_MS;
    if (!isOver && found.some(({ now }) => now.is !== "clean")) return;
    for (const { gpu, now } of found) {
      const evidence = evidenceOf(now);
      // Of one that is silent the health of the node says more.
      if (evidence !== null) onDirty(gpu.id, evidence, allowedBytes(gpu));
    }
    this.#leaving.delete(held);
    onLeft(held);
  }
}

function evidenceOf(now: GpuCleanliness): string | null {
  if (now.is === "dirty") return now.evidence;
  return now.is === "haunted" ? `the attempt's own processes cannot be killed: pid ${now.pids.join(", ")}` : null;
}
