import { Effects } from "../core/effects.ts";
import type { Fleet } from "../core/fleet.ts";
import { step } from "../core/step.ts";
import { openStore, type Store } from "../store/store.ts";
import { aJob, SETTINGS } from "./scenario.ts";

/** Commits one job for each key, each in a turn of its own, as the engine would. */
export async function storeJobs(
  store: Store,
  keys: readonly string[],
  fleet: Fleet = store.loadFleet(SETTINGS),
): Promise<void> {
  for (const [index, key] of keys.entries()) {
    const effects = new Effects();
    const now = { wallMs: 1_700_000_000_000 + index, monotonicMs: index };
    const env = { TEXT: "x".repeat((index * 997) % 5000) };
    const spec = aJob({ name: key, env, array: { size: 3 } });
    const idempotency = { key, requestSha256: key };
    step(
      fleet,
      { type: "submitJob", spec, actor: "anna", idempotency, storedUnderKey: null, storedEnds: new Map() },
      effects,
      now,
    );
    await store.commit(fleet, effects.events, now.wallMs);
    fleet.commit();
  }
}

/** The keys of all jobs that a data directory holds, in the order of their ids; all of it is read. */
export function storedKeys(dataDir: string): string[] {
  const store = openStore(dataDir);
  try {
    store.loadFleet(SETTINGS);
    const jobs = store.history.jobs({ state: undefined, name: undefined, label: undefined, limit: 1e9 }, Infinity);
    return jobs.map(({ id }) => store.history.job(id)?.idempotency?.key ?? "").toReversed();
  } finally {
    store.close();
  }
}
