import { open, rm, stat, statfs } from "node:fs/promises";
import type { Clock } from "@drover/shared/clock.ts";
import type { ModelFile, PinnedSource } from "@drover/shared/domain/model.ts";
import { formatBytes } from "@drover/shared/units.ts";
import { ContentHasher } from "./content-hash.ts";
import type { FileAddress } from "./file-source.ts";
import { FileSource } from "./file-source.ts";
import type { Holding, Holdings } from "./holdings.ts";
import type { HubCache } from "./hub-cache.ts";
import { OriginLanes } from "./origin-lanes.ts";
import { Permits } from "@drover/shared/permits.ts";
import { dropPartial, pullBlob, resumableBytes } from "./pull-blob.ts";
import { PullProblem } from "./pull-problem.ts";

export interface CacheLimits {
  /** Of all models together; `null`: as much as the disk has. */
  maxBytes: number | null;
  /** Left free on the disk, whatever is asked for. */
  keepFreeBytes: number;
}

export interface BlobWish {
  source: PinnedSource;
  file: ModelFile;
  findAddress(): Promise<FileAddress>;
  signal: AbortSignal;
  /** So much of it was there already. */
  onFound(bytes: number): void;
  onBytes(bytes: number): void;
}

const CONNECTIONS = 8;

/** What room there is, and what stands against it. */
interface Room {
  shortBytes: number;
  arithmetic: string;
}

/** The bytes of all models of this node, each once, however many want them. */
export class BlobStore {
  readonly #cache: HubCache;
  readonly #holdings: Holdings;
  readonly #clock: Clock;
  readonly #limits: CacheLimits;
  /** Takes away what was least recently wanted; says whether there was any. */
  readonly #evictOne: () => Promise<boolean>;
  readonly #connections = new Permits(CONNECTIONS);
  readonly #lanes: OriginLanes;
  /** Of pulls in progress: what is promised of the disk and not written yet. */
  readonly #reserved = new Set<{ bytes: number }>();
  readonly #inFlight = new Map<string, Promise<void>>();

  constructor(
    cache: HubCache,
    holdings: Holdings,
    clock: Clock,
    limits: CacheLimits,
    evictOne: () => Promise<boolean>,
  ) {
    this.#evictOne = evictOne;
    this.#cache = cache;
    this.#holdings = holdings;
    this.#clock = clock;
    this.#limits = limits;
    this.#lanes = new OriginLanes(clock);
  }

  /**
   * Holds as much of the disk as is still missing, in the place of models that nobody wants if need be; throws
   * `diskFull` with the arithmetic where that does not suffice.
   */
  async reserve(source: PinnedSource, files: readonly ModelFile[]): Promise<{ bytes: number }> {
    for (;;) {
      const missing = await this.#missingBytes(source, files);
      const room = await this.#roomFor(missing);
      if (room.shortBytes <= 0) {
        const reservation = { bytes: missing };
        this.#reserved.add(reservation);
        return reservation;
      }
      if (!(await this.#evictOne())) throw new PullProblem("diskFull", room.arithmetic);
    }
  }

  async #roomFor(missing: number): Promise<Room> {
    const { bavail, bsize } = await statfs(this.#cache.root);
    const freeBytes = bavail * bsize;
    const promisedBytes = [...this.#reserved].reduce((sum, { bytes }) => sum + Math.max(0, bytes), 0);
    const { keepFreeBytes, maxBytes } = this.#limits;
    const needs = `it needs ${formatBytes(missing)}`;
    const promised = `${formatBytes(promisedBytes)} are promised to others that are being brought`;
    const heldBytes = await this.#heldBytes();
    if (maxBytes !== null && heldBytes + promisedBytes + missing > maxBytes)
      return {
        shortBytes: heldBytes + promisedBytes + missing - maxBytes,
        arithmetic: `${needs}: models that are wanted here hold ${formatBytes(heldBytes)} of the ${formatBytes(maxBytes)} that all may, ${promised}`,
      };
    return {
      shortBytes: missing + promisedBytes + keepFreeBytes - freeBytes,
      arithmetic: `${needs}: ${formatBytes(freeBytes)} are free, of which ${promised} and ${formatBytes(keepFreeBytes)} stay free`,
    };
  }

  release(reservation: { bytes: number }): void {
    this.#reserved.delete(reservation);
  }

  /** Resolves when the blob is there and is what its name says. */
  async ensure(wish: BlobWish): Promise<void> {
    const path = this.#cache.blobPath(wish.source, wish.file.hash);
    return this.#alone(path, () => this.#bring(path, wish));
  }

  /** What an unfinished pull has left, but for what another revision has asked for too. */
  async dropPartials({ revisionId, source, files }: Holding): Promise<void> {
    const others = this.#holdings.all().filter((other) => other.revisionId !== revisionId);
    const kept = new Set(
      others.flatMap((other) => other.files.map(({ hash }) => this.#cache.blobPath(other.source, hash))),
    );
    for (const { hash } of files) {
      const path = this.#cache.blobPath(source, hash);
      if (!kept.has(path)) await this.#alone(path, () => dropPartial(path));
    }
  }

  /** Nothing else happens to this blob meanwhile; whether what did before came to its end is its own matter. */
  async #alone(path: string, begin: () => Promise<void>): Promise<void> {
    for (let earlier = this.#inFlight.get(path); earlier !== undefined; earlier = this.#inFlight.get(path))
      await earlier.catch(() => {});
    const work = begin().finally(() => this.#inFlight.delete(path));
    this.#inFlight.set(path, work);
    return work;
  }

  async #bring(path: string, { source, file, findAddress, signal, onBytes, onFound }: BlobWish): Promise<void> {
    signal.throwIfAborted();
    const { sizeBytes, hash } = file;
    if (await this.#isThere(path, source, file)) return onFound(sizeBytes);
    const origin = new FileSource({ sizeBytes, findAddress, lanes: this.#lanes, signal });
    await pullBlob({
      path,
      sizeBytes,
      hash,
      source: origin,
      connections: this.#connections,
      clock: this.#clock,
      signal,
      onFound,
      onBytes,
    });
  }

  /** What was not verified here, or was touched since, is read again; what is not what it is called is dropped. */
  async #isThere(path: string, source: PinnedSource, { sizeBytes, hash }: ModelFile): Promise<boolean> {
    const found = await stat(path).catch(() => null);
    if (found === null) return false;
    if (found.size === sizeBytes) {
      if (found.mtimeMs === this.#holdings.verifiedMtimeMs(source, hash)) return true;
      const handle = await open(path, "r");
      try {
        const hasher = new ContentHasher(hash, sizeBytes);
        await hasher.readUpTo(handle, sizeBytes);
        if (hasher.digest() === hash) return true;
      } finally {
        await handle.close();
      }
    }
    await rm(path, { force: true });
    return false;
  }

  async #missingBytes(source: PinnedSource, files: readonly ModelFile[]): Promise<number> {
    let missing = 0;
    for (const [hash, sizeBytes] of new Map(files.map((file) => [file.hash, file.sizeBytes]))) {
      missing += sizeBytes - (await bytesOnDisk(this.#cache.blobPath(source, hash), sizeBytes));
    }
    return missing;
  }

  /** Of whole models, and of what pulls have brought so far, whether they go on or have failed. */
  async #heldBytes(): Promise<number> {
    const blobs = new Map<string, number>();
    for (const { source, files, verifiedAtMtimeMs } of this.#holdings.all())
      for (const { hash, sizeBytes } of files) {
        const path = this.#cache.blobPath(source, hash);
        if (verifiedAtMtimeMs !== null) blobs.set(path, sizeBytes);
        else if (!blobs.has(path)) blobs.set(path, await bytesOnDisk(path, sizeBytes));
      }
    return [...blobs.values()].reduce((sum, bytes) => sum + bytes, 0);
  }
}

/** Whole, or as much as an unfinished pull has brought. */
async function bytesOnDisk(path: string, sizeBytes: number): Promise<number> {
  const isThere = await stat(path).then(
    () => true,
    () => false,
  );
  return isThere ? sizeBytes : resumableBytes(path, sizeBytes);
}
