import { once } from "node:events";
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, expect, onTestFinished, test } from "vitest";
import { startNode } from "../support/processes.ts";
import { readJournal } from "./lossy-disk/journal.ts";
import { LossyDisk } from "./lossy-disk/lossy-disk.ts";
import { preload } from "./lossy-disk/preload.ts";
import { seededRandom } from "./random.ts";
import { scratchFolder } from "./scratch.ts";

const PROGRAM = join(import.meta.dirname, "lossy-disk/commit-rows.ts");
const SNAPSHOTS_PER_ROW = 1;

/** Of each committed row, at the moment when it had been: whether all rows up to it survive a power cut. */
async function survivals(synchronous: "full" | "normal" | "off", withFaults = false) {
  const folder = scratchFolder();
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const [root, before, journal] = [join(folder, "root"), join(folder, "before"), join(folder, "journal")];
  mkdirSync(root);
  mkdirSync(before);
  const faults = withFaults ? { faults: join(folder, "faults") } : {};
  const child = startNode([PROGRAM, join(root, "rows.db"), synchronous], preload({ root, journal, ...faults }));
  let printed = "";
  child.stdout?.on("data", (chunk: Buffer) => (printed += chunk.toString()));
  expect((await once(child, "close"))[0]).toBe(0);
  const committed = JSON.parse(printed) as { number: number; at: number }[];

  const disk = new LossyDisk(root, before, { random: seededRandom(committed.length) });
  const survived: boolean[] = [];
  const rest = [...committed];
  for (const { record, endOffset } of readJournal(journal)) {
    disk.apply(record);
    if (rest[0]?.at !== endOffset) continue;
    rest.shift();
    for (let i = 0; i < SNAPSHOTS_PER_ROW; i++) {
      const snapshot = join(folder, "snapshot");
      disk.writeAfterPowerCut(snapshot);
      const expected = committed.slice(0, committed.length - rest.length).map(({ number }) => number);
      survived.push(hasRows(join(snapshot, "rows.db"), expected));
      rmSync(snapshot, { recursive: true });
    }
  }
  return { committedCount: committed.length, survived };
}

function hasRows(file: string, expected: readonly number[]): boolean {
  try {
    const database = new DatabaseSync(file);
    const found = new Set(
      database
        .prepare("select number from numbers")
        .all()
        .map(({ number }) => Number(number)),
    );
    database.close();
    return expected.every((number) => found.has(number));
  } catch {
    return false;
  }
}

describe("after a power cut on the lossy disk", () => {
  test("everything that was committed with synchronous=FULL is there", async () => {
    const { committedCount, survived } = await survivals("full");
    expect(committedCount).toBe(100);
    expect(survived).toHaveLength(100 * SNAPSHOTS_PER_ROW);
    expect(survived.filter((isThere) => !isThere)).toEqual([]);
  });

  test("what was committed with synchronous=OFF or NORMAL is missing", async () => {
    for (const synchronous of ["off", "normal"] as const) {
      const { survived } = await survivals(synchronous);
      expect(survived.filter((isThere) => !isThere).length, synchronous).toBeGreaterThan(10);
    }
  });

  test("a sync that failed has lost what it was for, and nothing that was committed before or after", async () => {
    const { committedCount, survived } = await survivals("full", true);
    expect(committedCount).toBe(90);
    expect(survived.filter((isThere) => !isThere)).toEqual([]);
  });
});
