import {
  HEALTH_CODES,
  stateOfReasons,
  type HealthCode,
  type HealthReason,
  type NodeHealth,
} from "@drover/shared/domain/health.ts";

/** One thing that is so right now, of the node (`null`) or of a GPU. */
export interface Observation {
  gpuId: string | null;
  code: HealthCode;
  evidence: string;
  /** Where it is known to have begun earlier than it was first observed. */
  sinceMs?: number;
}

/** What may come and go without meaning anything, before it counts. */
const COUNTS_AFTER_MS: Partial<Record<HealthCode, number>> = {
  thermalThrottle: 5 * 60_000,
  powerBrake: 5 * 60_000,
  memoryPressure: 60_000,
};
/** A GPU that was unhealthy is returned when it has been well for so long; twice as long after each relapse. */
const FIRST_RETURN_MS = 60_000;
const MAX_RETURN_MS = 60 * 60_000;
/** Well for so long after its return, it is as good as one that never was ill. */
const FORGIVEN_AFTER_MS = 6 * 60 * 60_000;
/** Nothing of the GPU's own: when the process is gone the GPU is as before. */
const NEEDS_NO_RECOVERY: ReadonlySet<HealthCode> = new Set(["foreignUse", "quarantined", "recovering"]);

/** As it was when it began: evidence that counts along (bytes, degrees) would make news of nothing. */
interface Seen {
  observation: Observation;
  sinceMs: number;
  sinceMonotonicMs: number;
}

interface Convalescence {
  /** What it had, for the evidence. */
  code: HealthCode;
  /** Since when it is well; `null` while it is ill. */
  wellSinceMs: number | null;
  wellSinceMonotonicMs: number;
  returnAfterMs: number;
  returnedAtMs: number | null;
}

/** Turns what is observed, round after round, into health: with memory of since when, and of who was ill before. */
export class HealthJudge {
  #seen = new Map<string, Seen>();
  readonly #convalescences = new Map<string, Convalescence>();

  /** `nowMs` is the wall clock for what is shown; `monotonicMs` for durations. */
  judge(
    observations: readonly Observation[],
    gpuIds: readonly string[],
    nowMs: number,
    monotonicMs: number,
  ): NodeHealth {
    const seen = new Map<string, Seen>();
    for (const observation of observations) {
      const key = `${observation.gpuId ?? ""} ${observation.code}`;
      const before = seen.get(key) ?? this.#seen.get(key);
      // Of a quarantine that began anew: who gave the GPU back spoke of the one before.
      const isAnother = observation.sinceMs !== undefined && observation.sinceMs !== before?.sinceMs;
      const known = isAnother ? undefined : before;
      seen.set(key, known ?? { observation, sinceMs: observation.sinceMs ?? nowMs, sinceMonotonicMs: monotonicMs });
    }
    this.#seen = seen;
    const lasting = [...seen.values()].filter(
      ({ observation, sinceMonotonicMs }) => monotonicMs - sinceMonotonicMs >= (COUNTS_AFTER_MS[observation.code] ?? 0),
    );
    const reasonsOf = (gpuId: string | null): HealthReason[] =>
      lasting
        .filter(({ observation }) => observation.gpuId === gpuId)
        .map(({ observation, sinceMs }) => reasonFor(observation, sinceMs));
    const reasons = reasonsOf(null);
    const gpus = gpuIds.map((gpuId) => {
      const own = reasonsOf(gpuId);
      const recovering = this.#convalesce(gpuId, own, nowMs, monotonicMs);
      const all = recovering === null ? own : [...own, recovering];
      return { gpuId, state: stateOfReasons(all), reasons: all };
    });
    return { state: stateOfReasons(reasons), reasons, gpus: gpus.filter(({ state }) => state !== "healthy") };
  }

  #convalesce(
    gpuId: string,
    reasons: readonly HealthReason[],
    nowMs: number,
    monotonicMs: number,
  ): HealthReason | null {
    const illness = reasons.find(
      ({ state, code }) => state === "unhealthy" && !NEEDS_NO_RECOVERY.has(code as HealthCode),
    );
    const known = this.#convalescences.get(gpuId);
    if (illness !== undefined) {
      const code = illness.code as HealthCode;
      if (known === undefined || isForgiven(known, monotonicMs)) {
        const fresh = {
          wellSinceMs: null,
          wellSinceMonotonicMs: 0,
          returnAfterMs: FIRST_RETURN_MS,
          returnedAtMs: null,
        };
        this.#convalescences.set(gpuId, { code, ...fresh });
      } else {
        // Ill again, whether it was given back in between or not: next time it waits twice as long.
        if (known.wellSinceMs !== null) known.returnAfterMs = Math.min(known.returnAfterMs * 2, MAX_RETURN_MS);
        Object.assign(known, { code, wellSinceMs: null, returnedAtMs: null } satisfies Partial<Convalescence>);
      }
      return null;
    }
    if (known === undefined || known.returnedAtMs !== null) return null;
    if (known.wellSinceMs === null) Object.assign(known, { wellSinceMs: nowMs, wellSinceMonotonicMs: monotonicMs });
    if (monotonicMs - known.wellSinceMonotonicMs >= known.returnAfterMs) {
      known.returnedAtMs = monotonicMs;
      return null;
    }
    const evidence = `had ${known.code}; returned after ${Math.round(known.returnAfterMs / 1000)} s without`;
    return reasonFor({ gpuId, code: "recovering", evidence }, known.wellSinceMs ?? nowMs);
  }
}

function isForgiven({ returnedAtMs }: Convalescence, monotonicMs: number): boolean {
  return returnedAtMs !== null && monotonicMs - returnedAtMs >= FORGIVEN_AFTER_MS;
}

function reasonFor({ code, evidence }: Observation, sinceMs: number): HealthReason {
  return { code, state: HEALTH_CODES[code].state, evidence, sinceMs: Math.max(0, Math.round(sinceMs)) };
}
