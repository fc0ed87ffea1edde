import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { DiskRecord } from "./journal.ts";
import { LossyFile, type Random, type SectorBytes } from "./lossy-file.ts";

type Entry = LossyFile | LossyDirectory;

/** One call: a rename within a directory changes two of its names, and both or none. */
interface NameChange {
  index: number;
  names: readonly (readonly [name: string, entry: Entry | null])[];
}

/** A directory's names: those that are safe on the disk, and the changes since, of which a beginning survives. */
class LossyDirectory {
  readonly current = new Map<string, Entry>();
  #durable = new Map<string, Entry>();
  #changes: NameChange[] = [];

  change(index: number, names: NameChange["names"]): void {
    apply(this.current, names);
    this.#changes.push({ index, names });
  }

  makeDurable(index: number): void {
    while (this.#changes[0] && this.#changes[0].index < index) apply(this.#durable, this.#changes.shift()?.names ?? []);
  }

  afterPowerCut(random: Random): Map<string, Entry> {
    const names = new Map(this.#durable);
    const kept = Math.floor(random() * (this.#changes.length + 1));
    for (const change of this.#changes.slice(0, kept)) apply(names, change.names);
    return names;
  }
}

function apply(names: Map<string, Entry>, changes: NameChange["names"]): void {
  for (const [name, entry] of changes) {
    if (entry) names.set(name, entry);
    else names.delete(name);
  }
}

export interface LossyDiskOptions {
  /** False: a disk that says "synced" and is not; every check must find that out. */
  honoursSyncs?: boolean;
  random: Random;
}

/**
 * A directory and all below it, as a disk may hold it: told the records of a journal one by one, it can be
 * asked at any moment for what a power cut would leave. README.md says what it assumes of a disk.
 */
export class LossyDisk {
  readonly #root: string;
  readonly #top = new LossyDirectory();
  readonly #random: Random;
  readonly #honoursSyncs: boolean;
  readonly #inodes = new Map<bigint, Entry>();
  readonly #syncBegins = new Map<number, number>();
  #index = 0;

  /** `root` is where the journal's paths lie; what is there in `contents` is safe on the disk. */
  constructor(root: string, contents: string, { random, honoursSyncs = true }: LossyDiskOptions) {
    this.#root = root;
    this.#random = random;
    this.#honoursSyncs = honoursSyncs;
    load(this.#top, contents);
  }

  apply(record: DiskRecord): void {
    const index = this.#index++;
    switch (record.type) {
      case "create":
        this.#inodes.set(record.inode, this.#put(index, record.path, new LossyFile(Buffer.alloc(0))));
        return;
      case "open":
        this.#inodes.set(record.inode, this.#at(record.path));
        return;
      case "write":
        this.#file(record.inode).change({ kind: "write", index, offset: record.offset, data: record.data });
        return;
      case "truncate":
        this.#file(record.inode).change({ kind: "truncate", index, sizeBytes: record.sizeBytes });
        return;
      case "mkdir":
        this.#put(index, record.path, new LossyDirectory());
        return;
      case "unlink":
        this.#parent(record.path).change(index, [[basename(record.path), null]]);
        return;
      case "rename":
        return this.#rename(index, record.from, record.to);
      case "syncBegin":
        this.#syncBegins.set(record.sync, index);
        return;
      case "syncEnd":
      case "syncFailed":
        return this.#endSync(record);
      default:
        record satisfies never;
    }
  }

  /** Writes what a power cut at this moment would leave; each time another of the possibilities. */
  writeAfterPowerCut(target: string): void {
    const sectorBytes = this.#random() < 0.5 ? 512 : 4096;
    writeTree(target, this.#top, (directory) => directory.afterPowerCut(this.#random), {
      bytesOf: (file) => file.afterPowerCut(sectorBytes satisfies SectorBytes, this.#random),
    });
  }

  /** Writes what the program sees at this moment. */
  writeCurrent(target: string): void {
    writeTree(target, this.#top, (directory) => directory.current, { bytesOf: (file) => file.current() });
  }

  #endSync(record: Extract<DiskRecord, { sync: number }>): void {
    const begin = this.#syncBegins.get(record.sync);
    if (begin === undefined) throw new Error(`sync ${record.sync} ended and never began`);
    this.#syncBegins.delete(record.sync);
    const entry = this.#inodes.get(record.inode);
    if (!entry || !this.#honoursSyncs) return;
    if (record.type === "syncEnd") entry.makeDurable(begin);
    else if (entry instanceof LossyFile) entry.loseUnsynced(begin, this.#random);
  }

  #rename(index: number, from: string, to: string): void {
    const entry = this.#at(from);
    const [source, target] = [this.#parent(from), this.#parent(to)];
    if (source !== target) throw new Error("a rename between directories is not followed");
    source.change(index, [
      [basename(from), null],
      [basename(to), entry],
    ]);
  }

  #put<T extends Entry>(index: number, path: string, entry: T): T {
    this.#parent(path).change(index, [[basename(path), entry]]);
    return entry;
  }

  #file(inode: bigint): LossyFile {
    const entry = this.#inodes.get(inode);
    if (!(entry instanceof LossyFile)) throw new Error(`inode ${inode} is no file that was opened`);
    return entry;
  }

  #parent(path: string): LossyDirectory {
    const parent = this.#at(dirname(path));
    if (!(parent instanceof LossyDirectory)) throw new Error(`${dirname(path)} is no directory`);
    return parent;
  }

  #at(path: string): Entry {
    let entry: Entry = this.#top;
    for (const name of path.slice(this.#root.length).split("/").filter(Boolean)) {
      const next: Entry | undefined = entry instanceof LossyDirectory ? entry.current.get(name) : undefined;
      if (!next) throw new Error(`${path} is not there`);
      entry = next;
    }
    return entry;
  }
}

function load(directory: LossyDirectory, path: string): void {
  for (const found of readdirSync(path, { withFileTypes: true })) {
    const at = join(path, found.name);
    const entry = found.isDirectory() ? new LossyDirectory() : new LossyFile(readFileSync(at));
    if (entry instanceof LossyDirectory) load(entry, at);
    directory.change(-1, [[found.name, entry]]);
  }
  directory.makeDurable(0);
}

function writeTree(
  target: string,
  directory: LossyDirectory,
  namesOf: (directory: LossyDirectory) => Map<string, Entry>,
  { bytesOf }: { bytesOf: (file: LossyFile) => Buffer },
): void {
  mkdirSync(target, { recursive: true });
  for (const [name, entry] of namesOf(directory)) {
    const at = join(target, name);
    if (entry instanceof LossyFile) writeFileSync(at, bytesOf(entry));
    else writeTree(at, entry, namesOf, { bytesOf });
  }
}
