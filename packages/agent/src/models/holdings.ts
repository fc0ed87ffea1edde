import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ModelFile, PinnedSource, RevisionId } from "@drover/shared/domain/model.ts";
import { z } from "zod";
import { syncDirectory, type CachedRevision, type HubCache } from "./hub-cache.ts";

const StoredHolding = z.object({
  source: PinnedSource,
  files: z.array(ModelFile),
  /** Of each file when it was verified, in the order of the files; `null` while not all are. */
  verifiedAtMtimeMs: z.array(z.number()).nullable(),
});

/** What is known on this disk of one revision: what it consists of, and when its files were found to be that. */
export interface Holding extends CachedRevision {
  revisionId: RevisionId;
  verifiedAtMtimeMs: readonly number[] | null;
}

/** So many files are looked at at once. */
const LOOKS_AT_ONCE = 32;

/** One file for each revision that this node has, or has begun to bring: `ls` shows which, `cat` what. */
export class Holdings {
  readonly #directory: string;
  readonly #cache: HubCache;
  readonly #byId = new Map<RevisionId, Holding>();

  constructor(directory: string, cache: HubCache) {
    this.#directory = directory;
    this.#cache = cache;
  }

  /** One that cannot be read is as if it were not there: its blobs are found again by their hashes. */
  async load(): Promise<void> {
    await mkdir(this.#directory, { recursive: true });
    for (const name of await readdir(this.#directory)) {
      const revisionId = RevisionId.safeParse(name.replace(/\.json$/, ""));
      if (!revisionId.success) continue;
      const text = await readFile(join(this.#directory, name), "utf8").catch(() => "");
      const stored = StoredHolding.safeParse(parseJson(text));
      if (stored.success) this.#byId.set(revisionId.data, { revisionId: revisionId.data, ...stored.data });
    }
  }

  get(revisionId: RevisionId): Holding | undefined {
    return this.#byId.get(revisionId);
  }

  all(): Holding[] {
    return [...this.#byId.values()];
  }

  /** Durable when it resolves. */
  async put(holding: Holding): Promise<void> {
    const { revisionId, ...stored } = holding;
    const path = join(this.#directory, `${revisionId}.json`);
    await writeFile(`${path}.new`, JSON.stringify(stored), { flush: true });
    await rename(`${path}.new`, path);
    await syncDirectory(this.#directory);
    this.#byId.set(revisionId, holding);
  }

  async remove(revisionId: RevisionId): Promise<void> {
    await rm(join(this.#directory, `${revisionId}.json`), { force: true });
    await syncDirectory(this.#directory);
    this.#byId.delete(revisionId);
  }

  /**
   * Whether all its files are as they were when they were verified, by size and time of the last change: two hundred
   * files in a few milliseconds, where reading them would take minutes.
   */
  async isIntact({ source, files, verifiedAtMtimeMs }: Holding): Promise<boolean> {
    if (verifiedAtMtimeMs === null) return false;
    const snapshot = this.#cache.snapshotPath(source);
    const entries = files.entries();
    let isIntact = true;
    const look = async (): Promise<void> => {
      for (const [index, { path, sizeBytes }] of entries) {
        if (!isIntact) return;
        const found = await stat(join(snapshot, path)).catch(() => null);
        if (found?.size !== sizeBytes || found.mtimeMs !== verifiedAtMtimeMs[index]) isIntact = false;
      }
    };
    await Promise.all(Array.from({ length: LOOKS_AT_ONCE }, look));
    return isIntact;
  }

  /** When a blob was last found to be what its name says, in any revision; `null` where it never was. */
  verifiedMtimeMs(source: PinnedSource, hash: string): number | null {
    for (const { source: other, files, verifiedAtMtimeMs } of this.#byId.values()) {
      if (verifiedAtMtimeMs === null || other.repository !== source.repository) continue;
      const index = files.findIndex((file) => file.hash === hash);
      if (index !== -1) return verifiedAtMtimeMs[index] ?? null;
    }
    return null;
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
