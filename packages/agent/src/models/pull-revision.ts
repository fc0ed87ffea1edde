import { stat } from "node:fs/promises";
import type { ModelFile } from "@drover/shared/domain/model.ts";
import type { BlobStore } from "./blob-store.ts";
import type { FileAddress } from "./file-source.ts";
import type { Holding, Holdings } from "./holdings.ts";
import type { HubCache } from "./hub-cache.ts";

/** So many files are worked at at once; connections are counted apart. */
const FILES_AT_ONCE = 16;

export interface RevisionPull {
  /** With its manifest. */
  holding: Holding;
  cache: HubCache;
  holdings: Holdings;
  blobs: BlobStore;
  findAddress(file: ModelFile): Promise<FileAddress>;
  signal: AbortSignal;
  /** How much more, or less, of it is there. */
  onProgress(bytes: number): void;
}

/** Brings all files of a revision, and only then lets readers find it. Throws as `pullBlob`, or `diskFull` before it begins. */
export async function pullRevision(pull: RevisionPull): Promise<void> {
  const { holding, cache, holdings, blobs, signal } = pull;
  const { source, files } = holding;
  await cache.prepare(source);
  const reservation = await blobs.reserve(source, files);
  try {
    const onBytes = (bytes: number): void => {
      reservation.bytes -= bytes;
      pull.onProgress(bytes);
    };
    // The reservation is of what was missing.
    const onFound = (bytes: number): void => pull.onProgress(bytes);
    const left = new Map(files.map((file) => [file.hash, file])).values();
    await inParallel(FILES_AT_ONCE, left, async (file) => {
      signal.throwIfAborted();
      await blobs.ensure({ source, file, findAddress: () => pull.findAddress(file), signal, onBytes, onFound });
    });
  } finally {
    blobs.release(reservation);
  }
  await cache.publish(holding);
  const verifiedAtMtimeMs: number[] = [];
  for (const { hash } of files) verifiedAtMtimeMs.push((await stat(cache.blobPath(source, hash))).mtimeMs);
  await holdings.put({ ...holding, verifiedAtMtimeMs });
}

/** Ends when nothing of it goes on any more; throws the first failure. */
async function inParallel<T>(count: number, items: Iterator<T>, work: (item: T) => Promise<void>): Promise<void> {
  let hasFailed = false;
  const worker = async (): Promise<void> => {
    for (let next = items.next(); next.done !== true && !hasFailed; next = items.next()) {
      try {
        await work(next.value);
      } catch (error) {
        hasFailed = true;
        throw error;
      }
    }
  };
  const results = await Promise.allSettled(Array.from({ length: count }, worker));
  const failed = results.find((result) => result.status === "rejected");
  if (failed) throw failed.reason;
}
