import { mkdir, open, readdir, readFile, readlink, rename, rm, rmdir, symlink, writeFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import type { ModelFile, PinnedSource } from "@drover/shared/domain/model.ts";

/** A revision as the cache lays it out. */
export interface CachedRevision {
  source: PinnedSource;
  files: readonly ModelFile[];
}

/**
 * Models as the Hub's own libraries keep them (hub-docs, local-cache.md), so that they find them with HF_HUB_CACHE and
 * HF_HUB_OFFLINE=1:
 *
 *   models--org--name/blobs/<sha256, or git's sha1>        the bytes, once
 *                     snapshots/<commit>/<path>            links to them
 *                     refs/<revision>                      the commit that it means
 */
export class HubCache {
  readonly root: string;
  /** Names are changed by one at a time: two revisions of a repository have names in common. */
  #turn: Promise<void> = Promise.resolve();
  #newNames = 0;

  constructor(root: string) {
    this.root = root;
  }

  blobPath(source: PinnedSource, hash: string): string {
    return join(this.#repository(source), "blobs", hash.split(":")[1] ?? "");
  }

  snapshotPath(source: PinnedSource): string {
    return join(this.#repository(source), "snapshots", source.commit);
  }

  async prepare(source: PinnedSource): Promise<void> {
    await mkdir(join(this.#repository(source), "blobs"), { recursive: true });
  }

  /** Of blobs that are there: a reader that finds the name of the revision finds all of it, so that comes last. */
  publish(revision: CachedRevision): Promise<void> {
    return this.#inTurn(() => this.#publish(revision));
  }

  /** Removes what of it none of the others needs. */
  remove(revision: CachedRevision, others: readonly CachedRevision[]): Promise<void> {
    return this.#inTurn(() => this.#remove(revision, others));
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const done = this.#turn.then(work);
    this.#turn = done.catch(() => {});
    return done;
  }

  async #publish({ source, files }: CachedRevision): Promise<void> {
    const snapshot = this.snapshotPath(source);
    await syncDirectory(join(this.#repository(source), "blobs"));
    await mkdir(snapshot, { recursive: true });
    const directories = new Set([snapshot]);
    for (const { path, hash } of files) {
      const place = join(snapshot, path);
      if (!directories.has(dirname(place))) await mkdir(dirname(place), { recursive: true });
      directories.add(dirname(place));
      await this.#putLink(source, relative(dirname(place), this.blobPath(source, hash)), place);
    }
    for (const directory of directories) await syncDirectory(directory);
    await this.#putReference(source);
  }

  async #remove(revision: CachedRevision, others: readonly CachedRevision[]): Promise<void> {
    const { source } = revision;
    const neighbours = others.filter((other) => other.source.repository === source.repository);
    const sameCommit = neighbours.filter((other) => other.source.commit === source.commit);
    const keptPaths = new Set(sameCommit.flatMap(({ files }) => files.map(({ path }) => path)));
    const keptHashes = new Set(neighbours.flatMap(({ files }) => files.map(({ hash }) => hash)));
    // The name first, so that nobody finds a part of it.
    if (sameCommit.length === 0) await this.#dropReferences(source);
    if (keptPaths.size === 0) await rm(this.snapshotPath(source), { recursive: true, force: true });
    for (const { path, hash } of revision.files) {
      if (keptPaths.size > 0 && !keptPaths.has(path)) await rm(join(this.snapshotPath(source), path), { force: true });
      if (!keptHashes.has(hash)) await rm(this.blobPath(source, hash), { force: true });
    }
    if (neighbours.length === 0) await this.#removeRepository(source);
  }

  async #putLink(source: PinnedSource, target: string, place: string): Promise<void> {
    if ((await readlink(place).catch(() => null)) === target) return;
    const newName = this.#newName(source);
    await symlink(target, newName);
    await rename(newName, place);
  }

  /** Not beside its place: a name there may be as long as a name may be. */
  #newName(source: PinnedSource): string {
    return join(this.#repository(source), `.drover-new-${process.pid}-${this.#newNames++}`);
  }

  #repository({ repository }: PinnedSource): string {
    return join(this.root, `models--${repository.replaceAll("/", "--")}`);
  }

  async #putReference(source: PinnedSource): Promise<void> {
    // A commit is its own name.
    if (source.revision === source.commit) return;
    const place = join(this.#repository(source), "refs", source.revision);
    await mkdir(dirname(place), { recursive: true });
    const newName = this.#newName(source);
    await writeFile(newName, source.commit, { flush: true });
    await rename(newName, place);
    await syncDirectory(dirname(place));
  }

  async #dropReferences(source: PinnedSource): Promise<void> {
    const references = join(this.#repository(source), "refs");
    for (const name of await readdir(references, { recursive: true }).catch(() => [])) {
      const place = join(references, name);
      const commit = await readFile(place, "utf8").catch(() => null);
      if (commit === source.commit) await rm(place, { force: true });
    }
  }

  /** Only what is empty: whatever else somebody keeps there is not ours. */
  async #removeRepository(source: PinnedSource): Promise<void> {
    for (const name of ["snapshots", "blobs", ""]) await rmdir(join(this.#repository(source), name)).catch(() => {});
    await rm(join(this.#repository(source), "refs"), { recursive: true, force: true });
    await rmdir(this.#repository(source)).catch(() => {});
  }
}

/** Names in it survive a power cut from then on. */
export async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, "r");
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
