import { rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { differences } from "./lossy-disk/differences.ts";
import { readJournal } from "./lossy-disk/journal.ts";
import { LossyDisk } from "./lossy-disk/lossy-disk.ts";
import { busyRun, type BusyRun } from "./power-loss/busy-run.ts";
import { checkSnapshots } from "./power-loss/check-snapshots.ts";
import { seededRandom } from "./random.ts";

const RUN_MS = 4000;
const SNAPSHOTS = 25;
/** Another one each time, printed by a failure: `npm run power-loss -- --seed N`. */
const seed = Math.floor(Math.random() * 2 ** 32);

let run: BusyRun;
beforeAll(async () => {
  run = await busyRun(RUN_MS, seededRandom(seed));
});
afterAll(() => rmSync(run.folder, { recursive: true, force: true }));

test("a power cut at any moment of a busy run loses nothing that was promised before", () => {
  const count = (kind: string): number => run.promises.filter((promise) => promise.kind === kind).length;
  expect(count("submission")).toBeGreaterThan(20);
  expect(count("end")).toBeGreaterThan(20);
  const report = checkSnapshots(run, SNAPSHOTS, { random: seededRandom(seed) });
  expect(report.broken, `seed ${seed}`).toEqual([]);
  expect(report.snapshots).toBe(SNAPSHOTS);
});

test("a disk that says it has synced and has not is found out by the same check", () => {
  const report = checkSnapshots(run, 5, { random: seededRandom(seed), honoursSyncs: false });
  expect(report.broken.length).toBeGreaterThan(0);
});

test("the journal has seen everything: replayed to its end it gives the files that the coordinator left", () => {
  const disk = new LossyDisk(run.root, run.before, { random: seededRandom(seed) });
  for (const { record } of readJournal(run.journal)) disk.apply(record);
  const replayed = join(run.folder, "replayed");
  disk.writeCurrent(replayed);
  expect(differences(run.root, replayed)).toEqual([]);
});
