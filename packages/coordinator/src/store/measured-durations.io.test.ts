import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { AttemptOutcome } from "@drover/shared/domain/attempt.ts";
import { aJob, aReport, Scenario, SETTINGS } from "../testing/scenario.ts";
import { openStore } from "./store.ts";

let dataDir: string;
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), "drover-store-"));
});
afterEach(() => rmSync(dataDir, { recursive: true, force: true }));

test("how long jobs of a name took is known after a restart, and kept with the job that was submitted with it", async () => {
  const store = openStore(dataDir);
  const scenario = new Scenario();
  const commitInMemory = scenario.fleet.commit.bind(scenario.fleet);
  const pending: Promise<unknown>[] = [];
  scenario.fleet.commit = () => {
    pending.push(store.commit(scenario.fleet, scenario.effects.events, scenario.now.wallMs));
    commitInMemory();
  };
  scenario.hello(1, { cpus: 1 });
  const run = (name: string, tookMs: number, outcome: AttemptOutcome): void => {
    const { id } = scenario.attempt(scenario.submit(aJob({ name })));
    scenario.report(1, [aReport(id, { state: "ended", startedAtMs: 1000, endedAtMs: 1000 + tookMs, outcome })]);
  };
  run("nightly", 5000, { type: "exited", code: 0 });
  run("nightly", 4000, { type: "exited", code: 0 });
  run("nightly", 9000, { type: "exited", code: 1 });
  run("broken", 9000, { type: "signaled", signal: "SIGSEGV" });
  scenario.submit(aJob({ name: "nightly" }));
  const waiting = scenario.submit(aJob({ name: "nightly" }));
  await Promise.all(pending);
  store.close();

  const reopened = openStore(dataDir);
  const fleet = reopened.loadFleet(SETTINGS);
  expect(fleet.durations.of("nightly")).toBe(5000);
  expect(fleet.durations.of("broken")).toBeNull();
  expect(fleet.jobs.get(waiting)?.expectedMs).toBe(5000);
  reopened.close();
});
