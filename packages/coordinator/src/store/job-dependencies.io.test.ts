import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "better-sqlite3";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { DEFAULT_RESOURCES } from "@drover/shared/domain/job.ts";
import type { JobId } from "@drover/shared/domain/ids.ts";
import { brokenInvariants } from "../testing/fleet-invariants.ts";
import { aJob, Scenario, SETTINGS } from "../testing/scenario.ts";
import { INITIAL } from "./migrations/0001-initial.ts";
import { openStore } from "./store.ts";

let dataDir: string;
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), "drover-store-"));
});
afterEach(() => rmSync(dataDir, { recursive: true, force: true }));

describe("a job's dependencies", () => {
  test("are unmet after a restart exactly as far as their jobs have not ended", async () => {
    const store = openStore(dataDir);
    const scenario = new Scenario();
    const commitInMemory = scenario.fleet.commit.bind(scenario.fleet);
    const pending: Promise<unknown>[] = [];
    scenario.fleet.commit = () => {
      pending.push(store.commit(scenario.fleet, scenario.effects.events, scenario.now.wallMs));
      commitInMemory();
    };
    scenario.hello(1, { cpus: 2 });
    const [history, running] = [scenario.submit(), scenario.submit()];
    const held = scenario.submit(aJob({ after: [history, running], array: { size: 3 } }));
    const transitive = scenario.submit(aJob({ after: [{ job: held, when: "always" }] }));
    const released = scenario.submit(aJob({ after: [history], resources: { gpus: 1 } }));
    scenario.end(scenario.attempt(history));
    await Promise.all(pending);
    store.close();

    const reopened = openStore(dataDir);
    const fleet = reopened.loadFleet(SETTINGS);
    expect(fleet.dependencies.heldJobIds()).toEqual(new Set([held, transitive]));
    expect(fleet.dependencies.awaitedBy(fleet.jobs.get(held)!).map(({ id }) => id)).toEqual([running]);
    expect(fleet.queue.waitingCount).toBe(1);
    expect(fleet.jobs.get(released)?.state).toBe("queued");
    expect(brokenInvariants(fleet).filter((broken) => !broken.startsWith("connectedNodes"))).toEqual([]);
    expect(reopened.history.jobState(history)).toBe("succeeded");
    expect(reopened.history.jobState(99 as JobId)).toBeNull();
    reopened.close();
  });

  test("are none in the specs of a version that did not know them", () => {
    const old = new Database(join(dataDir, "drover.db"));
    old.exec(INITIAL);
    old.pragma("user_version = 1");
    const spec = {
      name: null,
      command: ["echo", '\u2603 \\ "'],
      env: { A: "1" },
      timeoutMs: 5_400_000,
      resources: DEFAULT_RESOURCES,
    };
    old
      .prepare(
        `insert into jobs values (1, null, 'queued', 0, 1, '{}', 'echo', 1, 0, 0, 0, 0, 0, 0, null, null, null, null, ?)`,
      )
      .run(JSON.stringify(spec));
    old.close();
    const store = openStore(dataDir);
    expect(store.history.job(1 as JobId)?.spec).toEqual({ ...spec, after: [], priority: 0 });
    expect(store.loadFleet(SETTINGS).jobs.get(1 as JobId)?.spec.after).toEqual([]);
    store.close();
  });
});
