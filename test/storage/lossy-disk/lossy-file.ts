/** Numbers in [0, 1), the same for the same seed. */
export type Random = () => number;

type Change =
  | { kind: "write"; index: number; offset: number; data: Buffer }
  | { kind: "truncate"; index: number; sizeBytes: number };

/** What is torn is torn between sectors; a disk writes one as a whole. */
export type SectorBytes = 512 | 4096;

/** A file's bytes: what is safe on the disk, and the changes since, of which a power cut leaves any. */
export class LossyFile {
  /** Larger than what it holds, so that a log that grows is not copied at each sync. */
  #durable: Buffer;
  #durableBytes: number;
  #changes: Change[] = [];

  constructor(durable: Buffer) {
    this.#durable = durable;
    this.#durableBytes = durable.byteLength;
  }

  change(change: Change): void {
    this.#changes.push(change);
  }

  /** A sync that began at `index` has returned. */
  makeDurable(index: number): void {
    for (const change of this.#changes.splice(0, this.#countBefore(index))) {
      const sizeBytes = sizeAfter(this.#durableBytes, change);
      if (sizeBytes > this.#durable.byteLength) this.#durable = grown(this.#durable, 2 * sizeBytes);
      if (change.kind === "write") change.data.copy(this.#durable, change.offset);
      else this.#durable.fill(0, change.sizeBytes);
      this.#durableBytes = sizeBytes;
    }
  }

  /**
   * A sync failed: Linux marks the pages as clean all the same. What of them was written stays, the rest will
   * not be written any more, unless the program writes it anew.
   */
  loseUnsynced(index: number, random: Random): void {
    const lost = this.#changes.splice(0, this.#countBefore(index));
    this.#durable = grown(partly(this.#safe(), lost, 512, random), 0);
    this.#durableBytes = this.#durable.byteLength;
  }

  /** As the program sees it. */
  current(): Buffer {
    const copy = new LossyFile(grown(this.#safe(), 0));
    for (const change of this.#changes) copy.change(change);
    copy.makeDurable(Infinity);
    return copy.#safe();
  }

  afterPowerCut(sectorBytes: SectorBytes, random: Random): Buffer {
    return partly(this.#safe(), this.#changes, sectorBytes, random);
  }

  #safe(): Buffer {
    return this.#durable.subarray(0, this.#durableBytes);
  }

  #countBefore(index: number): number {
    const count = this.#changes.findIndex((change) => change.index >= index);
    return count === -1 ? this.#changes.length : count;
  }
}

function sizeAfter(sizeBytes: number, change: Change): number {
  return change.kind === "truncate" ? change.sizeBytes : Math.max(sizeBytes, change.offset + change.data.byteLength);
}

/** A copy, with zeros behind it up to `sizeBytes`. */
function grown(bytes: Buffer, sizeBytes: number): Buffer {
  const copy = Buffer.alloc(Math.max(bytes.byteLength, sizeBytes));
  bytes.copy(copy);
  return copy;
}

/**
 * Of each sector any of the states that it went through, each sector for itself: so writes are torn and come
 * in any order. Of the size any that it had. What the size covers and nobody wrote is zeros or anything.
 */
function partly(before: Buffer, changes: readonly Change[], sectorBytes: SectorBytes, random: Random): Buffer {
  if (changes.length === 0) return before;
  const sizes = [before.byteLength];
  for (const change of changes) sizes.push(sizeAfter(sizes.at(-1) ?? 0, change));
  const bytes = Buffer.alloc(Math.max(...sizes), random() < 0.5 ? 0 : 0xa5);
  before.copy(bytes);
  const changesOf = new Map<number, Change[]>();
  for (const change of changes) {
    const end = change.kind === "write" ? change.offset + change.data.byteLength : bytes.byteLength;
    const begin = change.kind === "write" ? change.offset : change.sizeBytes;
    for (let sector = Math.floor(begin / sectorBytes); sector * sectorBytes < end; sector++) {
      const known = changesOf.get(sector);
      if (known) known.push(change);
      else changesOf.set(sector, [change]);
    }
  }
  for (const [sector, ofSector] of changesOf) {
    const kept = Math.floor(random() * (ofSector.length + 1));
    for (const change of ofSector.slice(0, kept)) applyToSector(bytes, change, sector * sectorBytes, sectorBytes);
  }
  const sizeBytes = sizes[Math.floor(random() * sizes.length)] ?? 0;
  return bytes.subarray(0, sizeBytes);
}

function applyToSector(bytes: Buffer, change: Change, sectorAt: number, sectorBytes: number): void {
  const sectorEnd = sectorAt + sectorBytes;
  if (change.kind === "truncate") {
    bytes.fill(0, Math.max(sectorAt, change.sizeBytes), Math.min(sectorEnd, bytes.byteLength));
    return;
  }
  const begin = Math.max(sectorAt, change.offset);
  const end = Math.min(sectorEnd, change.offset + change.data.byteLength);
  change.data.copy(bytes, begin, begin - change.offset, end - change.offset);
}
