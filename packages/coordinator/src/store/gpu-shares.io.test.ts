import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "better-sqlite3";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { JobId } from "@drover/shared/domain/ids.ts";
import { DEFAULT_RESOURCES } from "@drover/shared/domain/job.ts";
import { brokenInvariants } from "../testing/fleet-invariants.ts";
import { aHello, aJob, nodeIdOf, Scenario, SETTINGS } from "../testing/scenario.ts";
import { INITIAL } from "./migrations/0001-initial.ts";
import { openStore } from "./store.ts";

let dataDir: string;
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), "drover-store-"));
});
afterEach(() => rmSync(dataDir, { recursive: true, force: true }));

describe("shares of GPUs", () => {
  test("are held after a restart exactly as before", async () => {
    const store = openStore(dataDir);
    const scenario = new Scenario();
    const commitInMemory = scenario.fleet.commit.bind(scenario.fleet);
    const pending: Promise<unknown>[] = [];
    scenario.fleet.commit = () => {
      pending.push(store.commit(scenario.fleet, scenario.effects.events, scenario.now.wallMs));
      commitInMemory();
    };
    scenario.hello(1, { gpus: 2 });
    for (const gpus of [0.25, 0.6, 1, 0.5]) scenario.submit(aJob({ resources: { cpus: 0.1, gpus } }));
    await Promise.all(pending);
    store.close();

    const reopened = openStore(dataDir);
    const fleet = reopened.loadFleet(SETTINGS);
    expect(fleet.capacity.freeOn(nodeIdOf(1)).gpuShares).toEqual([
      { gpuId: "GPU-1-0", gpuMilli: 150 },
      { gpuId: "GPU-1-1", gpuMilli: 0 },
    ]);
    expect([...fleet.queue.shapes()].map(({ demand }) => demand.request.gpuMilli)).toEqual([500]);
    expect(brokenInvariants(fleet).filter((broken) => !broken.startsWith("connectedNodes"))).toEqual([]);
    reopened.close();
  });

  test("are all of each GPU in the rows of a version that did not know them", () => {
    const old = new Database(join(dataDir, "drover.db"));
    old.exec(INITIAL);
    old.pragma("user_version = 1");
    const { capacity, hardware } = aHello(1, { gpus: 3 });
    old
      .prepare("insert into nodes values (?, 'gpu-01', 'lost', 5, 'schedulable', '0.1.0', 'boot-1', ?, ?, 60000, 4)")
      .run(nodeIdOf(1), JSON.stringify(capacity), JSON.stringify(hardware));
    const { cpuMilli, memoryBytes } = DEFAULT_RESOURCES;
    const { priority, ...known } = aJob();
    const spec = { ...known, resources: { cpuMilli, memoryBytes, gpuCount: 2 } };
    old
      .prepare(
        `insert into jobs values (1, null, 'running', 0, 1, '{}', 'true', 0, 0, 1, 0, 0, 0, 0, 0, null, null, null, ?)`,
      )
      .run(JSON.stringify(spec));
    old.exec(`insert into tasks values (1, 0, 'running', 'assigned', 1, 1, '1.0.1-test00', 0, 0)`);
    old
      .prepare(
        `insert into attempts values (1, 0, 1, '1.0.1-test00', ?, 'boot-1', 'running', null, ?, ?, ?, 7, null, null, null, null, null, 1, 1, null)`,
      )
      .run(nodeIdOf(1), cpuMilli, memoryBytes, JSON.stringify(["GPU-1-0", "GPU-1-1"]));
    old.close();
    const store = openStore(dataDir);
    const fleet = store.loadFleet(SETTINGS);
    expect(store.history.job(1 as JobId)?.spec).toEqual({
      ...spec,
      priority,
      resources: { ...DEFAULT_RESOURCES, gpuCount: 2 },
    });
    expect(fleet.attempts.get("1.0.1-test00" as never)?.allocation).toMatchObject({ gpuMilli: 1000 });
    expect(fleet.capacity.freeOn(nodeIdOf(1)).gpuShares.map(({ gpuMilli }) => gpuMilli)).toEqual([0, 0, 1000]);
    store.close();
  });
});
