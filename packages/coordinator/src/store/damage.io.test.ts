import {
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { DEFAULT_RESOURCES } from "@drover/shared/domain/job.ts";
import { SETTINGS } from "../testing/scenario.ts";
import { storeJobs } from "../testing/stored-jobs.ts";
import { openStore, type Store } from "./store.ts";

const PAGE_BYTES = 4096;
const folder = mkdtempSync(join(tmpdir(), "drover-damage-"));
const [stopped, crashed, damaged] = ["stopped", "crashed", "damaged"].map((name) => join(folder, name)) as [
  string,
  string,
  string,
];
let whole: unknown;

beforeAll(async () => {
  const store = openStore(stopped);
  await storeJobs(
    store,
    Array.from({ length: 30 }, (_, index) => `key-${index}`),
  );
  mkdirSync(crashed);
  for (const name of ["drover.db", "drover.db-wal"]) copyFileSync(join(stopped, name), join(crashed, name));
  store.close();
  whole = readStopped(stopped);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** All that a store holds, as a value to compare. */
function contents(store: Store): unknown {
  const fleet = store.loadFleet(SETTINGS);
  const { history } = store;
  const jobs = history.jobs(
    { state: undefined, name: undefined, label: undefined, limit: 1e9 },
    Number.MAX_SAFE_INTEGER,
  );
  return {
    hot: [fleet.jobs, fleet.tasks, fleet.attempts, fleet.nodes].map((table) => [...table.values()]),
    jobs: jobs.map(({ id }) => history.job(id)),
    tasks: jobs.map(({ id }) => history.tasks(id, 0, 1e9, DEFAULT_RESOURCES)),
    events: history.events(0, 1e9),
  };
}

function readStopped(dataDir: string): unknown {
  const store = openStore(dataDir);
  try {
    return contents(store);
  } finally {
    store.close();
  }
}

/** Does something to a copy, and says what a start makes of it: what it reads, or the code it is refused with. */
function afterDamage(original: string, damage: (dataDir: string) => void): unknown {
  rmSync(damaged, { recursive: true, force: true });
  cpSync(original, damaged, { recursive: true });
  damage(damaged);
  try {
    return readStopped(damaged);
  } catch (error) {
    return { code: (error as { code?: string }).code ?? String(error) };
  }
}

const REFUSED = { code: "dataDir.damaged" };

function edit(file: string, change: (bytes: Buffer) => void): void {
  const bytes = readFileSync(file);
  change(bytes);
  writeFileSync(file, bytes);
}

function flipBit(bytes: Buffer, at: number): void {
  bytes[at] = (bytes[at] ?? 0) ^ (1 << (at % 8));
}

/** Evenly spread, and no two at the same place of a page. */
function spread(count: number, upTo: number): number[] {
  return Array.from({ length: count }, (_, index) => Math.floor(((index + 0.5) * upTo) / count));
}

function pagesOf(file: string): number[] {
  return Array.from({ length: statSync(file).size / PAGE_BYTES }, (_, page) => page);
}

describe("a database that was closed cleanly", () => {
  test("is read as it was left", () => {
    expect(afterDamage(stopped, () => {})).toEqual(whole);
  });

  test("is refused after a flip of any bit", () => {
    for (const at of spread(60, statSync(join(stopped, "drover.db")).size)) {
      expect(
        afterDamage(stopped, (dataDir) => edit(join(dataDir, "drover.db"), (bytes) => flipBit(bytes, at))),
        `byte ${at}`,
      ).toEqual(REFUSED);
    }
  });

  test.each([
    ["cut to nothing", (file: string) => truncateSync(file, 0)],
    ["cut within its header", (file: string) => truncateSync(file, 50)],
    ["cut by a byte", (file: string) => truncateSync(file, statSync(file).size - 1)],
    ["cut by a page", (file: string) => truncateSync(file, statSync(file).size - PAGE_BYTES)],
    ["longer", (file: string) => writeFileSync(file, "\0", { flag: "a" })],
    ["another file", (file: string) => writeFileSync(file, "I am a text.")],
    ["gone", (file: string) => rmSync(file)],
  ])("is refused when it is %s", (_how, damage) => {
    expect(afterDamage(stopped, (dataDir) => damage(join(dataDir, "drover.db")))).toEqual(REFUSED);
  });

  test("is refused with any page zeroed", () => {
    for (const page of pagesOf(join(stopped, "drover.db"))) {
      const zero = (bytes: Buffer): unknown => bytes.fill(0, page * PAGE_BYTES, (page + 1) * PAGE_BYTES);
      expect(
        afterDamage(stopped, (dataDir) => edit(join(dataDir, "drover.db"), zero)),
        `page ${page}`,
      ).toEqual(REFUSED);
    }
  });
});

// SQLite has no checksums in its file: a digit that became another cannot be found here, only what breaks the structure.
describe("a database that a crash left", () => {
  test("is read with all that its log holds", () => {
    expect(afterDamage(crashed, () => {})).toEqual(whole);
  });

  test("is refused or read right with any page zeroed", () => {
    let refused = 0;
    for (const page of pagesOf(join(crashed, "drover.db"))) {
      const zero = (bytes: Buffer): unknown => bytes.fill(0, page * PAGE_BYTES, (page + 1) * PAGE_BYTES);
      const found = afterDamage(crashed, (dataDir) => edit(join(dataDir, "drover.db"), zero));
      // Where the log holds a newer state of the page, nothing is lost.
      expect([REFUSED, whole], `page ${page}`).toContainEqual(found);
      if ((found as typeof REFUSED).code) refused++;
    }
    expect(refused).toBeGreaterThan(0);
  });

  test("is refused or read right when it is cut anywhere", () => {
    for (const size of [0, 50, ...spread(20, statSync(join(crashed, "drover.db")).size)]) {
      const found = afterDamage(crashed, (dataDir) => truncateSync(join(dataDir, "drover.db"), size));
      expect([REFUSED, whole], `cut to ${size}`).toContainEqual(found);
    }
  });

  test("is refused when it is gone and only its log is there", () => {
    expect(afterDamage(crashed, (dataDir) => rmSync(join(dataDir, "drover.db")))).toEqual(REFUSED);
  });

  test("is refused after a flip of any bit in its log, up to the last commit, which might be a torn one", () => {
    const log = join(crashed, "drover.db-wal");
    const lastCommit = startOfLastCommit(readFileSync(log));
    let refused = 0;
    for (const at of [0, 9, 17, 25, ...spread(40, lastCommit)]) {
      const found = afterDamage(crashed, (dataDir) =>
        edit(join(dataDir, "drover.db-wal"), (bytes) => flipBit(bytes, at)),
      );
      expect([REFUSED, whole], `byte ${at}`).toContainEqual(found);
      if ((found as typeof REFUSED).code) refused++;
    }
    expect(refused).toBeGreaterThan(30);
  });
});

/** Frames of a header of 24 bytes and a page; the second word of a commit's last frame is not zero. */
function startOfLastCommit(log: Buffer): number {
  const frameBytes = 24 + PAGE_BYTES;
  const frames = Array.from(
    { length: Math.floor((log.byteLength - 32) / frameBytes) },
    (_, frame) => 32 + frame * frameBytes,
  );
  const ends = frames.filter((at) => log.readUInt32BE(at + 4) !== 0);
  return (ends.at(-2) ?? 0) + frameBytes;
}

describe("a database that is damaged while it is open", () => {
  test("answers reads and commits as a storage problem, and is refused by the next start", async () => {
    rmSync(damaged, { recursive: true, force: true });
    cpSync(stopped, damaged, { recursive: true });
    const elsewhere = openStore(stopped);
    const fleet = elsewhere.loadFleet(SETTINGS);
    elsewhere.close();
    const store = openStore(damaged);
    // Of the rest nothing has been read yet.
    edit(join(damaged, "drover.db"), (bytes) => void bytes.fill(0x5a, 4 * PAGE_BYTES));
    const asStorageProblem = expect.objectContaining({ code: "storage.damaged" });
    expect(() => store.history.events(0, 1e9)).toThrowError(asStorageProblem);
    await expect(storeJobs(store, ["another"], fleet)).rejects.toThrowError(asStorageProblem);
    store.close();
    expect(() => openStore(damaged)).toThrowError(expect.objectContaining(REFUSED));
  });
});
