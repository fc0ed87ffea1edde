import { randomBytes } from "node:crypto";
import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, test } from "vitest";
import { systemClock, type Clock } from "@drover/shared/clock.ts";
import type { ModelFile, RevisionId } from "@drover/shared/domain/model.ts";
import type { DesiredPlacement, PlacementReport } from "@drover/shared/domain/placement.ts";
import { LocalHub } from "@drover/shared/testing/local-hub/local-hub.ts";
import { gitSha1Of, sha256Of } from "@drover/shared/testing/local-hub/repository.ts";
import { createFakeClock } from "../testing/fake-clock.ts";
import { waitFor } from "../testing/wait-for.ts";
import { BlobStore, type CacheLimits } from "./blob-store.ts";
import { Holdings } from "./holdings.ts";
import { HubCache } from "./hub-cache.ts";
import { ModelCache } from "./model-cache.ts";
import { PullProblem } from "./pull-problem.ts";

const MIB = 1024 * 1024;
const NO_LIMITS: CacheLimits = { maxBytes: null, keepFreeBytes: 0 };

let hub: LocalHub;
let root: string;
let open: ModelCache[];
const manifests = new Map<RevisionId, ModelFile[]>();

beforeEach(async () => {
  hub = await LocalHub.start();
  root = mkdtempSync(join(tmpdir(), "drover-models-"));
  open = [];
});
afterEach(async () => {
  for (const models of open) models.stop();
  await hub[Symbol.asyncDispose]();
  rmSync(root, { recursive: true, force: true, maxRetries: 5 });
});

async function openCache(limits = NO_LIMITS, clock: Clock = systemClock): Promise<ModelCache> {
  const models = await ModelCache.open(root, limits, {
    clock,
    log: () => {},
    askManifest: async (revisionId) => manifests.get(revisionId) ?? Promise.reject(new PullProblem("noManifest", "-")),
    askAddress: () => Promise.reject(new PullProblem("accessDenied", "-")),
    onReportDue: () => {},
  });
  open.push(models);
  return models;
}

let nextId = 1;

/** A revision of a repository, as a coordinator would have resolved it. */
function publish(contents: Record<string, string | Buffer>, repository = "acme/tiny"): DesiredPlacement {
  const commit = hub.publish(repository, contents);
  const revisionId = String(nextId++).padStart(32, "0") as RevisionId;
  const files = Object.entries(contents).map(([path, content]) => {
    const bytes = Buffer.from(content);
    const isLarge = bytes.byteLength >= 1024;
    return {
      path,
      sizeBytes: bytes.byteLength,
      hash: isLarge ? `sha256:${sha256Of(bytes)}` : `gitSha1:${gitSha1Of(bytes)}`,
    };
  });
  manifests.set(revisionId, files);
  return {
    revisionId,
    desired: "hold",
    source: { type: "huggingFace", repository, revision: "main", commit, needsToken: false },
    fileCount: files.length,
    sizeBytes: files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    endpoint: hub.url,
  };
}

function reportOf(models: ModelCache, { revisionId }: DesiredPlacement): PlacementReport | undefined {
  return models.takeAllReports().find((report) => report.revisionId === revisionId);
}

async function until(models: ModelCache, placement: DesiredPlacement, state: PlacementReport["state"]): Promise<void> {
  await waitFor(`it to be ${state}`, () => reportOf(models, placement)?.state === state);
}

/** The file as a reader of the Hub's cache layout finds it. */
function snapshotFile({ source }: DesiredPlacement, path: string): string {
  return join(root, "hub", `models--${source.repository.replace("/", "--")}`, "snapshots", source.commit, path);
}

/** All names below the root, without those that are ours. */
function everything(): string[] {
  return readdirSync(root, { recursive: true }).map(String);
}

describe("a revision that is to be held", () => {
  it("lies in the Hub's own layout when it is ready, whole", async () => {
    const weights = randomBytes(3 * MIB);
    const wanted = publish({ "config.json": "{}", "sub/dir/model.safetensors": weights, empty: "" });
    const models = await openCache();
    models.apply([wanted]);
    await until(models, wanted, "ready");
    expect(readFileSync(snapshotFile(wanted, "config.json"), "utf8")).toBe("{}");
    expect(readFileSync(snapshotFile(wanted, "sub/dir/model.safetensors")).equals(weights)).toBe(true);
    const repository = join(root, "hub/models--acme--tiny");
    expect(readFileSync(join(repository, "refs/main"), "utf8")).toBe(wanted.source.commit);
    expect(readdirSync(join(repository, "blobs")).toSorted()).toEqual(
      [gitSha1Of(Buffer.from("{}")), gitSha1Of(Buffer.from("")), sha256Of(weights)].toSorted(),
    );
    expect(models.pathOf(wanted.revisionId)).toBe(join(repository, "snapshots", wanted.source.commit));
    expect(reportOf(models, wanted)).toMatchObject({ bytesDone: wanted.sizeBytes, problem: null });
  });

  it("is fetched once, however often it is asked for, and what two revisions share is fetched once", async () => {
    const shared = randomBytes(MIB);
    const first = publish({ "a.bin": shared, "v.txt": "1" });
    const second = publish({ "a.bin": shared, "b.bin": shared, "v.txt": "2" });
    const models = await openCache();
    for (let count = 0; count < 3; count++) models.apply([first, second]);
    await until(models, first, "ready");
    await until(models, second, "ready");
    expect(hub.cdn.sentBytes).toBe(MIB);
    expect(readFileSync(snapshotFile(second, "b.bin")).equals(shared)).toBe(true);
  });

  it("is there again after a restart, without a byte being fetched or a file being read", async () => {
    const wanted = publish({ "a.bin": randomBytes(MIB) });
    const models = await openCache();
    models.apply([wanted]);
    await until(models, wanted, "ready");
    models.stop();
    const again = await openCache();
    expect(reportOf(again, wanted)?.state).toBe("ready");
    expect(hub.cdn.sentBytes).toBe(MIB);
  });

  it("is given up when nobody has wanted it for five minutes, and leaves nothing half", async () => {
    const clock = createFakeClock();
    const wanted = publish({ "a.bin": randomBytes(4 * MIB) });
    hub.cdn.bytesPerSecond = MIB;
    const models = await openCache(NO_LIMITS, clock);
    models.apply([wanted]);
    await waitFor("some bytes", () => (reportOf(models, wanted)?.bytesDone ?? 0) > 0);
    models.apply([]);
    clock.advanceBy(299_000);
    expect(reportOf(models, wanted)?.state).toBe("pulling");
    clock.advanceBy(2000);
    await waitFor("it to be dropped", () => everything().every((name) => !name.includes("drover-partial")));
    models.apply([]);
    expect(models.takeAllReports()).toEqual([]);
  });

  it("may have names that differ in case only, or are as long as a name may be", async () => {
    const wanted = publish({ "Model.bin": "1", "model.bin": "2", [`${"é".repeat(127)}`]: "3" });
    const models = await openCache();
    models.apply([wanted]);
    await until(models, wanted, "ready");
    expect(readFileSync(snapshotFile(wanted, "Model.bin"), "utf8")).toBe("1");
    expect(readFileSync(snapshotFile(wanted, "model.bin"), "utf8")).toBe("2");
  });
});

describe("a source that fails half-way", () => {
  it.each([
    ["cuts the answer", [{ kind: "cut", count: 3, afterBytes: 200_000 }]],
    ["cuts each answer after its last byte but one", [{ kind: "cut", count: 2, afterBytes: 2 * MIB - 1 }]],
    ["is unavailable for a while", [{ kind: "unavailable", count: 2 }]],
    ["lets its signatures run out", [{ kind: "expired", count: 1 }]],
    [
      "ignores that a part was asked for",
      [
        { kind: "cut", count: 1, afterBytes: 300_000 },
        { kind: "ignoresRange", count: 9 },
      ],
    ],
    ["sends wrong bytes once", [{ kind: "wrongBytes", count: 1 }]],
  ] as const)("%s: the model comes whole all the same", async (_title, faults) => {
    const weights = randomBytes(2 * MIB);
    const wanted = publish({ "a.bin": weights });
    hub.cdn.faults.push(...faults.map((fault) => ({ ...fault })));
    const models = await openCache();
    models.apply([wanted]);
    await until(models, wanted, "ready");
    expect(readFileSync(snapshotFile(wanted, "a.bin")).equals(weights)).toBe(true);
  });

  it("is asked only for what is missing", async () => {
    const wanted = publish({ "a.bin": randomBytes(4 * MIB) });
    hub.cdn.faults.push({ kind: "cut", count: 1, afterBytes: 3 * MIB });
    const models = await openCache();
    models.apply([wanted]);
    await until(models, wanted, "ready");
    expect(hub.cdn.ranges).toEqual([`bytes=0-${4 * MIB - 1}`, `bytes=${3 * MIB}-${4 * MIB - 1}`]);
  });

  it("and goes on doing so is tried again later and later, and the report says when", async () => {
    const clock = createFakeClock();
    const wanted = publish({ "a.bin": randomBytes(MIB) });
    hub.cdn.faults.push({ kind: "wrongBytes", count: 4 });
    const models = await openCache(NO_LIMITS, clock);
    models.apply([wanted]);
    await until(models, wanted, "failed");
    expect(reportOf(models, wanted)).toMatchObject({
      problem: { code: "wrongBytes" },
      retryAtMs: clock.nowMs() + 60_000,
    });
    expect(everything().some((name) => name.includes("drover-partial"))).toBe(false);
    clock.advanceBy(60_000);
    await until(models, wanted, "failed");
    expect(reportOf(models, wanted)?.retryAtMs).toBe(clock.nowMs() + 120_000);
    clock.advanceBy(120_000);
    await until(models, wanted, "ready");
  });

  it("asks to be left alone: all pulls leave it alone for that long", async () => {
    const clock = createFakeClock();
    const [first, second] = [publish({ "a.bin": randomBytes(MIB) }), publish({ "b.bin": randomBytes(MIB) })];
    hub.limited = { count: 1, retryAfterSeconds: 30 };
    const models = await openCache(NO_LIMITS, clock);
    models.apply([first]);
    await waitFor("the refusal", () => hub.limited.count === 0);
    await waitFor("the answer to be read", () => clock.monotonicMs() === 0 && hub.requests.length === 1);
    models.apply([first, second]);
    await waitFor("both to be pulling", () => reportOf(models, second)?.state === "pulling");
    clock.advanceBy(29_000);
    expect(hub.requests.length).toBeLessThanOrEqual(2);
    clock.advanceBy(2000);
    await waitFor("both to be ready", () => {
      clock.advanceBy(1000);
      return [first, second].every((one) => reportOf(models, one)?.state === "ready");
    });
  });

  it("no longer has the revision: that is said", async () => {
    const wanted = publish({ "a.bin": randomBytes(MIB) });
    hub.repositories.get("acme/tiny")?.files.clear();
    const models = await openCache(NO_LIMITS, createFakeClock());
    models.apply([wanted]);
    await until(models, wanted, "failed");
    expect(reportOf(models, wanted)?.problem?.code).toBe("missingFile");
  });
});

describe("a pull that was interrupted", () => {
  it("goes on where it was, in a new agent, and fetches hardly anything twice", async () => {
    const weights = randomBytes(8 * MIB);
    const wanted = publish({ "a.bin": weights });
    hub.cdn.bytesPerSecond = 16 * MIB;
    const first = await openCache();
    first.apply([wanted]);
    await waitFor("a part of it", () => (reportOf(first, wanted)?.bytesDone ?? 0) > 2 * MIB);
    first.stop();
    hub.cdn.bytesPerSecond = null;
    const second = await openCache();
    second.apply([wanted]);
    await until(second, wanted, "ready");
    expect(readFileSync(snapshotFile(wanted, "a.bin")).equals(weights)).toBe(true);
    expect(hub.cdn.ranges.at(-1)).not.toMatch(/^bytes=0-/);
  });

  test.each(["shorter", "other bytes", "no notes", "damaged notes"])(
    "finds its file after a power cut with %s, and comes whole all the same",
    async (damage) => {
      const weights = randomBytes(4 * MIB);
      const wanted = publish({ "a.bin": weights });
      hub.cdn.faults.push({ kind: "cut", count: 9, afterBytes: MIB });
      const clock = createFakeClock();
      const first = await openCache(NO_LIMITS, clock);
      first.apply([wanted]);
      await waitFor("a part of it", () => (reportOf(first, wanted)?.bytesDone ?? 0) >= MIB);
      first.stop();
      hub.cdn.faults.length = 0;
      const blob = join(root, "hub/models--acme--tiny/blobs", sha256Of(weights));
      if (damage === "shorter") truncateSync(`${blob}.drover-partial`, 1000);
      else if (damage === "other bytes") {
        const { size } = statSync(`${blob}.drover-partial`);
        writeFileSync(`${blob}.drover-partial`, Buffer.alloc(size, 7));
      } else if (damage === "no notes") rmSync(`${blob}.drover-progress`);
      else appendFileSync(`${blob}.drover-progress`, "x");
      const second = await openCache();
      second.apply([wanted]);
      await until(second, wanted, "ready");
      expect(readFileSync(snapshotFile(wanted, "a.bin")).equals(weights)).toBe(true);
    },
  );
});

describe("a model that was ready", () => {
  async function ready(contents: Record<string, string | Buffer>): Promise<[ModelCache, DesiredPlacement]> {
    const wanted = publish(contents);
    const models = await openCache();
    models.apply([wanted]);
    await until(models, wanted, "ready");
    return [models, wanted];
  }

  test.each(["is cut off", "is changed", "is gone"])("is brought again when a file of it %s", async (damage) => {
    const weights = randomBytes(MIB);
    const [models, wanted] = await ready({ "a.bin": weights, "b.bin": randomBytes(MIB) });
    const path = join(root, "hub/models--acme--tiny/blobs", sha256Of(weights));
    rmSync(path);
    if (damage !== "is gone")
      writeFileSync(path, damage === "is cut off" ? weights.subarray(0, 9) : Buffer.alloc(MIB, 1));
    await models.sweep();
    expect(models.pathOf(wanted.revisionId)).toBeNull();
    await until(models, wanted, "ready");
    expect(readFileSync(snapshotFile(wanted, "a.bin")).equals(weights)).toBe(true);
    // What was whole was not fetched again.
    expect(hub.cdn.sentBytes).toBe(3 * MIB);
  });

  it("is only read again, and not fetched, when a file of it was touched", async () => {
    const [models, wanted] = await ready({ "a.bin": randomBytes(MIB) });
    const path = join(
      root,
      "hub/models--acme--tiny/blobs",
      readdirSync(join(root, "hub/models--acme--tiny/blobs"))[0] ?? "",
    );
    const content = readFileSync(path);
    rmSync(path);
    writeFileSync(path, content);
    await models.sweep();
    await until(models, wanted, "ready");
    expect(hub.cdn.sentBytes).toBe(MIB);
  });

  it("is removed when it is told to go, and what another revision shares stays", async () => {
    const shared = randomBytes(MIB);
    const [models, first] = await ready({ "a.bin": shared, "old.txt": "1" });
    const second = publish({ "a.bin": shared, "new.txt": "2" });
    models.apply([first, second]);
    await until(models, second, "ready");
    models.apply([{ ...first, desired: "evict" }, second]);
    await until(models, first, "gone");
    expect(existsSync(snapshotFile(first, "a.bin"))).toBe(false);
    expect(readFileSync(snapshotFile(second, "a.bin")).equals(shared)).toBe(true);
    models.apply([{ ...second, desired: "evict" }]);
    await until(models, second, "gone");
    expect(everything().filter((name) => name.includes("models--"))).toEqual([]);
  });
});

describe("a manifest with names that lead elsewhere", () => {
  it.each(["../../escaped", "/tmp/drover-escaped", "a/../../../escaped", "x".repeat(300)])(
    "such as %s is refused, and nothing is written for it",
    async (path) => {
      const wanted = publish({ "fine.txt": "1" });
      manifests.get(wanted.revisionId)?.push({ path, sizeBytes: 1, hash: `gitSha1:${gitSha1Of(Buffer.from("1"))}` });
      const models = await openCache(NO_LIMITS, createFakeClock());
      models.apply([wanted]);
      await until(models, wanted, "failed");
      expect(reportOf(models, wanted)?.problem?.code).toBe("badManifest");
      expect(everything().toSorted()).toEqual(["hub", "revisions"]);
      expect(hub.requests).toEqual([]);
    },
  );
});

describe("a model that is wanted again", () => {
  it("while it is being removed comes back, and is not there in between", async () => {
    const wanted = publish({ "a.bin": randomBytes(MIB), "b.txt": "b" });
    const models = await openCache();
    models.apply([wanted]);
    await until(models, wanted, "ready");
    models.apply([{ ...wanted, desired: "evict" }]);
    models.apply([wanted]);
    expect(models.pathOf(wanted.revisionId)).toBeNull();
    expect(reportOf(models, wanted)).toBeUndefined();
    await until(models, wanted, "ready");
    expect(readFileSync(snapshotFile(wanted, "b.txt"), "utf8")).toBe("b");
  });

  it("and then not again is removed", async () => {
    const wanted = publish({ "a.bin": randomBytes(MIB) });
    const models = await openCache();
    models.apply([wanted]);
    await until(models, wanted, "ready");
    for (const desired of ["evict", "hold", "evict"] as const) models.apply([{ ...wanted, desired }]);
    await until(models, wanted, "gone");
    expect(everything().filter((name) => name.includes("models--"))).toEqual([]);
  });

  it("while its pull is being given up is brought", async () => {
    const clock = createFakeClock();
    const wanted = publish({ "a.bin": randomBytes(4 * MIB) });
    hub.cdn.faults.push({ kind: "cut", count: 1, afterBytes: MIB });
    const models = await openCache(NO_LIMITS, clock);
    models.apply([wanted]);
    await waitFor("a part of it", () => (reportOf(models, wanted)?.bytesDone ?? 0) >= MIB);
    models.apply([]);
    clock.advanceBy(300_000);
    models.apply([wanted]);
    await until(models, wanted, "ready");
  });
});

describe("what an unfinished pull has left", () => {
  /** Its pull waits for its next try; so much of it is there. */
  async function interrupted(wanted: DesiredPlacement, afterBytes: number, clock: Clock): Promise<ModelCache> {
    hub.cdn.faults.push({ kind: "cut", count: 1, afterBytes });
    const models = await openCache({ maxBytes: 5 * MIB, keepFreeBytes: 0 }, clock);
    models.apply([wanted]);
    await waitFor("a part of it", () => (reportOf(models, wanted)?.bytesDone ?? 0) >= afterBytes);
    return models;
  }

  function partials(): string[] {
    return everything().filter((name) => name.includes("drover-partial"));
  }

  /** What that agent would know of the disk if it were started again. */
  async function reopened(): Promise<{ blobs: BlobStore; holdings: Holdings }> {
    const cache = new HubCache(join(root, "hub"));
    const holdings = new Holdings(join(root, "revisions"), cache);
    await holdings.load();
    const blobs = new BlobStore(
      cache,
      holdings,
      systemClock,
      { maxBytes: 4 * MIB, keepFreeBytes: 0 },
      async () => false,
    );
    return { blobs, holdings };
  }

  it("needs no room twice when the pull goes on", async () => {
    const wanted = publish({ "a.bin": randomBytes(4 * MIB) });
    const models = await interrupted(wanted, 3 * MIB, createFakeClock());
    models.stop();
    const { blobs } = await reopened();
    const reservation = await blobs.reserve(wanted.source, manifests.get(wanted.revisionId) ?? []);
    expect(reservation.bytes).toBe(MIB);
  });

  it("counts, and makes room when nobody wants it any more", async () => {
    const clock = createFakeClock();
    const [failing, next] = [publish({ "a.bin": randomBytes(3 * MIB) }), publish({ "b.bin": randomBytes(4 * MIB) })];
    const models = await interrupted(failing, 2 * MIB, clock);
    hub.cdn.faults.push({ kind: "expired", count: 1 });
    hub.limited = { count: 1, retryAfterSeconds: 1800 };
    clock.advanceBy(1000);
    await until(models, failing, "failed");
    expect(reportOf(models, failing)).toMatchObject({ problem: { code: "rateLimited" } });
    models.apply([]);
    clock.advanceBy(1_800_000);
    expect(partials()).toHaveLength(1);
    models.apply([next]);
    await until(models, next, "ready");
    expect(partials()).toEqual([]);
  });

  it("stays as long as another revision names it", async () => {
    const wanted = publish({ "a.bin": randomBytes(4 * MIB) });
    const models = await interrupted(wanted, 3 * MIB, createFakeClock());
    models.stop();
    const { blobs, holdings } = await reopened();
    const [holding] = holdings.all();
    if (holding === undefined) throw new Error("nothing was begun");
    const other = { ...holding, revisionId: "f".repeat(32) as RevisionId };
    await holdings.put(other);
    await blobs.dropPartials(holding);
    expect(partials()).toHaveLength(1);
    await holdings.remove(holding.revisionId);
    await blobs.dropPartials(other);
    expect(partials()).toEqual([]);
  });

  it("goes on for another revision when the first is given up", async () => {
    const clock = createFakeClock();
    const shared = randomBytes(4 * MIB);
    const [first, second] = [publish({ "a.bin": shared }), publish({ "a.bin": shared, b: "" })];
    const models = await interrupted(first, 3 * MIB, clock);
    models.apply([first, second]);
    const empty = gitSha1Of(Buffer.from(""));
    await waitFor("the second to have begun", () => everything().some((name) => name.endsWith(empty)));
    models.apply([second]);
    clock.advanceBy(300_000);
    await until(models, second, "ready");
    expect(hub.cdn.ranges.at(-1)).toBe(`bytes=${3 * MIB}-${4 * MIB - 1}`);
  });
});

describe("room", () => {
  it("is made by what was least recently wanted, never by what is held", async () => {
    const [oldest, newer, held, next] = ["a", "b", "c", "d"].map((name) =>
      publish({ [`${name}.bin`]: randomBytes(MIB) }, `acme/${name}`),
    ) as [DesiredPlacement, DesiredPlacement, DesiredPlacement, DesiredPlacement];
    const clock = createFakeClock();
    const models = await openCache({ maxBytes: 3 * MIB, keepFreeBytes: 0 }, clock);
    models.apply([oldest, newer, held]);
    for (const one of [oldest, newer, held]) await until(models, one, "ready");
    clock.advanceBy(1000);
    models.apply([{ ...oldest, desired: "cache" }, newer, held]);
    clock.advanceBy(1000);
    models.apply([{ ...oldest, desired: "cache" }, { ...newer, desired: "cache" }, held, next]);
    await until(models, next, "ready");
    const states = [oldest, newer, held].map((one) => reportOf(models, one)?.state);
    expect(states).toEqual(["gone", "ready", "ready"]);
  });

  it("that cannot be made is refused with the arithmetic, before a byte is fetched", async () => {
    const wanted = publish({ "a.bin": randomBytes(2 * MIB) });
    const models = await openCache({ maxBytes: MIB, keepFreeBytes: 0 }, createFakeClock());
    models.apply([wanted]);
    await until(models, wanted, "failed");
    expect(reportOf(models, wanted)?.problem).toEqual({
      code: "diskFull",
      message:
        "it needs 2 MiB: models that are wanted here hold 0 B of the 1 MiB that all may, 0 B are promised to others that are being brought",
    });
    expect(hub.cdn.sentBytes).toBe(0);
  });
});
