import { constants, writeSync } from "node:fs";
import { open, readFile, rename, rm, stat, writeFile, type FileHandle } from "node:fs/promises";
import type { Clock } from "@drover/shared/clock.ts";
import { ContentHasher } from "./content-hash.ts";
import type { FileSource } from "./file-source.ts";
import { OriginClosed, sleep } from "./origin-lanes.ts";
import type { Permits } from "@drover/shared/permits.ts";
import { PullProblem } from "./pull-problem.ts";
import { receiveInto, RangesIgnored } from "./receive.ts";
import {
  formatLine,
  formatSegments,
  frontOf,
  isSegmentDone,
  lineOffset,
  newSegments,
  parseSegments,
  segmentLength,
  totalDone,
  type Segments,
} from "./segments.ts";

export interface BlobPull {
  /** Where it is to be; beside it lies what is not whole yet. */
  path: string;
  sizeBytes: number;
  /** As the manifest states it. */
  hash: string;
  source: FileSource;
  /** One for each connection. */
  connections: Permits;
  clock: Clock;
  signal: AbortSignal;
  /** An earlier try has brought them. */
  onFound(bytes: number): void;
  /** Negative where what was counted turned out to be of no use. */
  onBytes(bytes: number): void;
}

const STREAMS_PER_FILE = 4;
/** Failures of one connection in a row that brought nothing. */
const MAX_FRUITLESS_TRIES = 5;
const FIRST_PAUSE_MS = 250;
/** So long a pull waits where it is; longer, and it comes back later. */
const MAX_PATIENCE_MS = 60_000;

/**
 * Brings one file to its place, whole and verified, or throws a `PullProblem`. Goes on where an earlier try ended,
 * whatever ended it: what is on the disk is found in the `.progress` file beside it.
 */
export async function pullBlob(pull: BlobPull): Promise<void> {
  // Twice: after a power cut the disk may hold less than was noted, and only what came new from the first byte to the
  // last says something about the source.
  if ((await pullOnce(pull)) || (await pullOnce(pull))) return;
  throw new PullProblem("wrongBytes", `${pull.path.split("/").at(-1)} is not what its manifest states`);
}

/** Whether it is what it should be; where it is not, nothing of it is left. */
async function pullOnce(pull: BlobPull): Promise<boolean> {
  const partial = await Partial.open(pull);
  pull.onFound(totalDone(partial.segments));
  let isVerified = false;
  try {
    await partial.fill();
    isVerified = partial.hasher.digest() === pull.hash;
    if (isVerified) await partial.file.sync();
  } catch (error) {
    // A disk that failed to sync says so once: what it lost reads as if it were there, and would be taken for written.
    if (isVerified) await dropPartial(pull.path);
    throw error;
  } finally {
    await partial.close();
  }
  if (isVerified) {
    await rename(partial.path, pull.path);
    await rm(partial.progressPath, { force: true });
    return true;
  }
  pull.onBytes(-pull.sizeBytes);
  await dropPartial(pull.path);
  return false;
}

/** How much of a file an unfinished pull has left beside its place. */
export async function resumableBytes(path: string, sizeBytes: number): Promise<number> {
  const { size } = await stat(partialPath(path)).catch(() => ({ size: 0 }));
  const segments = await notedSegments(path, sizeBytes, size);
  return segments === null ? 0 : totalDone(segments);
}

/** What its notes say of a partial file; `null` where they cannot be true. */
async function notedSegments(path: string, sizeBytes: number, partialBytes: number): Promise<Segments | null> {
  const segments = parseSegments(await readFile(progressPath(path), "latin1").catch(() => ""), sizeBytes);
  // The data is written before it is noted; after a power cut it may be gone all the same.
  return segments !== null && partialBytes >= lastByteOf(segments) ? segments : null;
}

/** Removes what an unfinished pull left beside a blob's place. */
export async function dropPartial(path: string): Promise<void> {
  await rm(partialPath(path), { force: true });
  await rm(progressPath(path), { force: true });
}

function partialPath(path: string): string {
  return `${path}.drover-partial`;
}

function progressPath(path: string): string {
  return `${path}.drover-progress`;
}

/** A file that is not whole yet. */
class Partial {
  readonly path: string;
  readonly progressPath: string;
  readonly file: FileHandle;
  hasher: ContentHasher;
  segments: Segments;
  readonly #pull: BlobPull;
  readonly #progress: FileHandle;
  #hashing: Promise<void> = Promise.resolve();

  private constructor(pull: BlobPull, file: FileHandle, progress: FileHandle, segments: Segments) {
    this.#pull = pull;
    this.path = partialPath(pull.path);
    this.progressPath = progressPath(pull.path);
    this.file = file;
    this.segments = segments;
    this.#progress = progress;
    this.hasher = new ContentHasher(pull.hash, pull.sizeBytes);
  }

  static async open(pull: BlobPull): Promise<Partial> {
    // Never through a link that somebody put there.
    const flags = constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW;
    const file = await open(partialPath(pull.path), flags, 0o444);
    try {
      const noted = await notedSegments(pull.path, pull.sizeBytes, (await file.stat()).size);
      // What nobody knows anything of is given back: it stands in no account of the disk.
      if (noted === null) await file.truncate(0);
      const known = noted ?? newSegments(pull.sizeBytes);
      await writeFile(progressPath(pull.path), formatSegments(known));
      return new Partial(pull, file, await open(progressPath(pull.path), "r+"), known);
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  async close(): Promise<void> {
    await this.#hashing.catch(() => {});
    await this.file.close();
    await this.#progress.close();
  }

  async fill(): Promise<void> {
    try {
      await this.#fillSegments();
    } catch (error) {
      if (!(error instanceof RangesIgnored)) throw error;
      // All of it in one piece, then, and from the beginning each time.
      this.#pull.onBytes(-totalDone(this.segments));
      await this.#hashing.catch(() => {});
      this.segments = newSegments(this.#pull.sizeBytes, Math.max(1, this.#pull.sizeBytes));
      this.hasher = new ContentHasher(this.#pull.hash, this.#pull.sizeBytes);
      await this.#fillOne(0, { inOnePiece: true, signal: this.#pull.signal });
    }
    this.#hashUpToFront();
    await this.#hashing;
  }

  async #fillSegments(): Promise<void> {
    const left = this.segments.doneBytes.keys().filter((index) => !isSegmentDone(this.segments, index));
    const failing = new AbortController();
    const signal = AbortSignal.any([failing.signal, this.#pull.signal]);
    const worker = async (): Promise<void> => {
      for (const index of left) {
        if (failing.signal.aborted) return;
        await this.#fillOne(index, { inOnePiece: false, signal });
      }
    };
    const workers = Array.from({ length: STREAMS_PER_FILE }, () =>
      worker().catch((error: unknown) => {
        failing.abort(error);
      }),
    );
    await Promise.all(workers);
    failing.signal.throwIfAborted();
  }

  /** One segment, through as many answers that break off as it takes. */
  async #fillOne(index: number, { inOnePiece, signal }: { inOnePiece: boolean; signal: AbortSignal }): Promise<void> {
    const { connections, clock, source } = this.#pull;
    for (let fruitless = 0; !isSegmentDone(this.segments, index);) {
      const before = this.segments.doneBytes[index] ?? 0;
      try {
        await source.prepare();
        await connections.with(signal, () => this.#fetch(index, inOnePiece));
      } catch (error) {
        if (!(error instanceof PullProblem) || signal.aborted) throw error;
        const pauseMs = error.retryAfterMs ?? FIRST_PAUSE_MS * 2 ** fruitless;
        const isPassing = error.code === "sourceUnavailable" || error.code === "rateLimited";
        // In one piece whatever came is of no use, so that a source that always breaks off would be asked for ever.
        const isFruit = !inOnePiece && (this.segments.doneBytes[index] ?? 0) > before;
        if (isFruit) fruitless = 0;
        else if (!(error instanceof OriginClosed)) fruitless++;
        if (!isPassing || fruitless >= MAX_FRUITLESS_TRIES || pauseMs > MAX_PATIENCE_MS) throw error;
        if (inOnePiece) await this.#forget(index);
        await sleep(clock, pauseMs, signal);
      }
    }
  }

  async #fetch(index: number, inOnePiece: boolean): Promise<void> {
    const { segments, file } = this;
    const done = segments.doneBytes[index] ?? 0;
    const start = index * segments.segmentBytes + done;
    const end = index * segments.segmentBytes + segmentLength(segments, index);
    const opened = await this.#pull.source.open(start, inOnePiece ? null : end);
    await receiveInto(file, opened, { start, end, mayBeWhole: start === 0 }, (bytes) => {
      const nowDone = (segments.doneBytes[index] ?? 0) + bytes;
      segments.doneBytes[index] = nowDone;
      // A few bytes into memory: cheaper than to ask for them to be written.
      if (!inOnePiece) writeSync(this.#progress.fd, formatLine(nowDone), lineOffset(index), "latin1");
      this.#pull.onBytes(bytes);
      this.#hashUpToFront();
    });
    if (!isSegmentDone(segments, index)) throw new PullProblem("sourceUnavailable", "less came than was asked for");
  }

  async #forget(index: number): Promise<void> {
    await this.#hashing.catch(() => {});
    this.#pull.onBytes(-(this.segments.doneBytes[index] ?? 0));
    this.segments.doneBytes[index] = 0;
    this.hasher = new ContentHasher(this.#pull.hash, this.#pull.sizeBytes);
  }

  /** Behind the connections, never beside another of itself. */
  #hashUpToFront(): void {
    this.#hashing = this.#hashing.then(() => this.hasher.readUpTo(this.file, frontOf(this.segments)));
    // Its failure is met where it is awaited.
    this.#hashing.catch(() => {});
  }
}

/** What must be in the file for the notes to be true. */
function lastByteOf(segments: Segments): number {
  let last = 0;
  for (const [index, done] of segments.doneBytes.entries()) if (done > 0) last = index * segments.segmentBytes + done;
  return last;
}
