import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "better-sqlite3";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { aHello, aJob, aReport, nodeIdOf, Scenario, SETTINGS } from "../testing/scenario.ts";
import { INITIAL } from "./migrations/0001-initial.ts";
import { openStore } from "./store.ts";

let dataDir: string;
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), "drover-store-"));
});
afterEach(() => rmSync(dataDir, { recursive: true, force: true }));

/** Every table's rows, as a value to compare. */
function contentsOf(fleet: Scenario["fleet"]) {
  return {
    jobs: [...fleet.jobs.values()],
    tasks: [...fleet.tasks.values()],
    attempts: [...fleet.attempts.values()],
    nodes: [...fleet.nodes.values()],
    waiting: fleet.queue.waitingCount,
    free: [...fleet.nodes.values()].map((node) => fleet.capacity.freeOn(node.id)),
  };
}

describe("the store", () => {
  test("gives back after a restart exactly the hot state that was committed", async () => {
    const store = openStore(dataDir);
    const scenario = new Scenario();
    // Turn by turn: `Scenario.turn` commits in memory, so the store is given each turn before that.
    const commitInMemory = scenario.fleet.commit.bind(scenario.fleet);
    const pending: Promise<unknown>[] = [];
    scenario.fleet.commit = () => {
      pending.push(store.commit(scenario.fleet, scenario.effects.events, scenario.now.wallMs));
      commitInMemory();
    };
    scenario.hello(1, { gpus: 2, site: "berlin" });
    const running = scenario.submit(
      aJob({ name: "r", labels: { a: "b" }, resources: { gpus: 1 }, array: { size: 4 }, retries: 2 }),
      "key",
    );
    scenario.report(1, [aReport(scenario.attempt(running).id)]);
    scenario.end(scenario.attempt(running, 1), { type: "exited", code: 9 });
    scenario.hello(2);
    scenario.cut(2);
    scenario.turn({ type: "declareNodeGone", nodeId: nodeIdOf(2), actor: "ops" });
    const drain = { type: "setNodeAdmin", admin: "draining", deadlineAfterMs: 7_200_000 } as const;
    scenario.turn({ ...drain, nodeId: nodeIdOf(2), reason: "a new disk", actor: "ops" });
    scenario.submit(aJob({ resources: { cpus: 99 } }));
    const done = scenario.submit();
    scenario.end(scenario.attempt(done));
    await Promise.all(pending);
    const expected = contentsOf(scenario.fleet);
    store.close();

    const reopened = openStore(dataDir);
    const fleet = reopened.loadFleet(SETTINGS);
    expect(contentsOf(fleet)).toEqual(expected);
    expect(fleet.takeJobId()).toBe(4);
    expect(reopened.history.job(done)?.state).toBe("succeeded");
    expect(reopened.history.jobUnderKey("key")?.jobId).toBe(running);
    expect(reopened.history.attempts(running, 0, 3).map(({ taskIndex, number }) => [taskIndex, number])).toEqual([
      [0, 1],
      [1, 1],
      [1, 2],
    ]);
    expect(reopened.history.events(0, 100).map(({ event }) => event)).toEqual(
      scenario.events.map(({ event }) => event),
    );
    reopened.close();
  });

  test("writes all of a turn or nothing of it", async () => {
    const store = openStore(dataDir);
    const scenario = new Scenario();
    scenario.fleet.commit = () => {};
    scenario.hello(1);
    const jobId = scenario.submit();
    // The last thing that is written breaks a rule of the schema.
    scenario.fleet.attempts.put("x" as never, { ...scenario.attempt(jobId), number: 2, state: "sleeping" as never });
    await expect(store.commit(scenario.fleet, [], 1)).rejects.toThrow();
    expect(store.loadFleet(SETTINGS).jobs.size).toBe(0);
    store.close();
  });

  test("is refused to a second process of the same data directory, and free when the first is gone", () => {
    const first = openStore(dataDir);
    expect(() => openStore(dataDir)).toThrowError(expect.objectContaining({ code: "dataDir.locked" }));
    first.close();
    openStore(dataDir).close();
  });

  test("of the first version is brought to this one, and its nodes are as they were", () => {
    const database = new Database(join(dataDir, "drover.db"));
    database.exec(INITIAL);
    const { hardware, capacity } = aHello(1);
    database
      .prepare("insert into nodes values (?, 'gpu-01', 'lost', 5, 'schedulable', '0.1.0', 'boot-1', ?, ?, 60000, 4)")
      .run(nodeIdOf(1), JSON.stringify(capacity), JSON.stringify(hardware));
    database.pragma("user_version = 1");
    database.close();
    const store = openStore(dataDir);
    expect([...store.loadFleet(SETTINGS).nodes.values()]).toEqual([
      {
        id: nodeIdOf(1),
        name: "gpu-01",
        link: "lost",
        linkSinceMs: 5,
        goneSinceMs: null,
        admin: "schedulable",
        adminChange: null,
        agentVersion: "0.1.0",
        bootId: "boot-1",
        machineId: null,
        site: null,
        labels: {},
        capacity,
        hardware,
        health: { state: "healthy", reasons: [], gpus: [] },
        expected: { gpus: [], diskMounts: [], memoryBytes: hardware.memoryBytes },
        releasedGpus: [],
        leaseMs: 60_000,
        joinedAtMs: 4,
      },
    ]);
    store.close();
  });

  test("of a newer version is refused with a clear error and left as it was", () => {
    openStore(dataDir).close();
    const database = new Database(join(dataDir, "drover.db"));
    database.pragma("user_version = 99");
    database.close();
    rmSync(join(dataDir, "drover.db.sha256"));
    expect(() => openStore(dataDir)).toThrowError(
      expect.objectContaining({ code: "dataDir.newer", message: expect.stringContaining("99") }),
    );
  });

  test("that cannot be made is refused with a clear error", () => {
    writeFileSync(join(dataDir, "file"), "");
    expect(() => openStore(join(dataDir, "file", "below"))).toThrowError(
      expect.objectContaining({ code: "dataDir.unusable" }),
    );
  });
});
