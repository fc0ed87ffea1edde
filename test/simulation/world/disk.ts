import type { Random } from "./random.ts";

interface File {
  text: string;
  /** What a power cut leaves for certain. */
  syncedText: string;
  /** A sync failed: the kernel has forgotten what it could not write, and later syncs pass without it. */
  isForgotten?: boolean;
}

type Entry = File | "directory";

/** A change of names, not yet on the disk for good. */
interface Change {
  path: string;
  entry: Entry | null;
}

export interface DiskError extends Error {
  code: string;
}

/**
 * A journaling file system such as ext4. A crash of a process loses nothing that was written. A power cut loses
 * changes of names from some point on (a sync of any file writes the journal, and so all changes before it), and of
 * each file that was not synced since it was written all, a part or nothing of what was not synced.
 *
 * Text stands for bytes: one character each.
 */
export class Disk {
  readonly #random: Random;
  readonly #directories = new Map<string, Map<string, Entry>>([["/", new Map()]]);
  #journal: Change[] = [];
  readonly #onDisk = new Map<string, Entry>();
  /** Whoever needs a new byte gets ENOSPC; overwriting in place works. */
  isFull = false;
  /** Every read and write fails. */
  isBroken = false;

  constructor(random: Random) {
    this.#random = random;
  }

  exists(path: string): boolean {
    return this.#directories.has(path) || this.#find(path) !== undefined;
  }

  sizeOf(path: string): number | null {
    return this.#fileAt(path)?.text.length ?? null;
  }

  read(path: string): string | null {
    this.#mustWork(path);
    return this.peek(path);
  }

  /** For whoever watches the simulation from outside: no fault stands in his way. */
  peek(path: string): string | null {
    return this.#fileAt(path)?.text ?? null;
  }

  /** Makes the file where there is none, and replaces what is in it. */
  write(path: string, text: string): void {
    this.#mustWork(path);
    const file = this.#fileAt(path);
    if (text.length > (file?.text.length ?? 0)) this.#mustHaveRoom(path);
    if (file) file.text = text;
    else this.#create(path, text);
    if (file && text === "") file.isForgotten = false;
  }

  append(path: string, text: string): void {
    this.#mustWork(path);
    this.#mustHaveRoom(path);
    const file = this.#fileAt(path);
    if (file) file.text += text;
    else this.#create(path, text);
  }

  /** The journal is written with it, and so is every change of names before. */
  sync(path: string): void {
    const file = this.#fileAt(path);
    if (this.isBroken && file && file.text !== file.syncedText) file.isForgotten = true;
    this.#mustWork(path);
    if (file && !file.isForgotten) file.syncedText = file.text;
    else if (file) return;
    else if (!this.#directories.has(path)) throw diskError("ENOENT", path);
    this.#writeJournal(this.#journal.length);
  }

  makeDirectory(path: string, recursive: boolean): void {
    this.#mustWork(path);
    if (this.#directories.has(path)) {
      if (recursive) return;
      throw diskError("EEXIST", path);
    }
    this.#mustHaveRoom(path);
    const { parent } = split(path);
    if (recursive && !this.#directories.has(parent)) this.makeDirectory(parent, true);
    this.#put(path, "directory");
    this.#directories.set(path, new Map());
  }

  list(path: string): string[] {
    this.#mustWork(path);
    const directory = this.#directories.get(path);
    if (!directory) throw diskError("ENOENT", path);
    return [...directory.keys()];
  }

  rename(path: string, newPath: string): void {
    this.#mustWork(path);
    const file = this.#fileAt(path);
    if (!file) throw diskError("ENOENT", path);
    // The name is there already, if not in this place: a full disk lets it pass.
    this.#put(newPath, file);
    this.#drop(path);
  }

  /** False where the new name is taken. */
  link(path: string, newPath: string): boolean {
    this.#mustWork(path);
    const file = this.#fileAt(path);
    if (!file) throw diskError("ENOENT", path);
    if (this.exists(newPath)) return false;
    this.#mustHaveRoom(newPath);
    this.#put(newPath, file);
    return true;
  }

  removeFile(path: string): void {
    this.#mustWork(path);
    if (!this.#fileAt(path)) throw diskError("ENOENT", path);
    this.#drop(path);
  }

  removeDirectory(path: string): void {
    this.#mustWork(path);
    const directory = this.#directories.get(path);
    if (!directory) throw diskError("ENOENT", path);
    if (directory.size > 0) throw diskError("ENOTEMPTY", path);
    this.#drop(path);
    this.#directories.delete(path);
  }

  removeTree(path: string): void {
    for (const [name, entry] of this.#directories.get(path) ?? []) {
      if (entry === "directory") this.removeTree(`${path}/${name}`);
      else this.removeFile(`${path}/${name}`);
    }
    if (this.#directories.has(path)) this.removeDirectory(path);
  }

  /** What is there after the machine lost its power. */
  cutPower(): void {
    this.#writeJournal(this.#random.below(this.#journal.length + 1));
    this.#journal = [];
    this.#directories.clear();
    this.#directories.set("/", new Map());
    for (const [path, entry] of this.#onDisk) {
      const { parent, name } = split(path);
      if (entry === "directory") this.#directories.set(path, new Map());
      else if (entry.text !== entry.syncedText) this.#tear(entry);
      this.#directories.get(parent)?.set(name, entry);
    }
  }

  /** A machine that goes down in good order writes everything. */
  syncAll(): void {
    this.#writeJournal(this.#journal.length);
    for (const entry of this.#onDisk.values()) if (entry !== "directory") entry.syncedText = entry.text;
  }

  copyTo(other: Disk): void {
    for (const [path, names] of this.#directories) {
      if (path !== "/") other.makeDirectory(path, true);
      for (const [name, entry] of names)
        if (entry !== "directory") other.write(path === "/" ? `/${name}` : `${path}/${name}`, entry.text);
    }
    other.syncAll();
  }

  #tear(file: File): void {
    const kept = file.isForgotten ? "synced" : this.#random.pick(["synced", "part", "all"]);
    if (kept === "synced") file.text = file.syncedText;
    if (kept === "part") file.text = file.text.slice(0, this.#random.below(file.text.length + 1));
    file.syncedText = file.text;
    file.isForgotten = false;
  }

  #create(path: string, text: string): void {
    this.#mustHaveRoom(path);
    this.#put(path, { text, syncedText: "" });
  }

  #put(path: string, entry: Entry): void {
    const { parent, name } = split(path);
    const directory = this.#directories.get(parent);
    if (!directory) throw diskError("ENOENT", path);
    directory.set(name, entry);
    this.#journal.push({ path, entry });
  }

  #drop(path: string): void {
    const { parent, name } = split(path);
    this.#directories.get(parent)?.delete(name);
    this.#journal.push({ path, entry: null });
  }

  /** In order: a directory is there before what lies in it, because its change came first. */
  #writeJournal(count: number): void {
    for (const { path, entry } of this.#journal.slice(0, count)) {
      // Deleted first, so that what is made anew stands behind its directory.
      this.#onDisk.delete(path);
      if (entry) this.#onDisk.set(path, entry);
    }
    this.#journal = this.#journal.slice(count);
  }

  #find(path: string): Entry | undefined {
    const { parent, name } = split(path);
    return this.#directories.get(parent)?.get(name);
  }

  #fileAt(path: string): File | undefined {
    const entry = this.#find(path);
    return entry === "directory" ? undefined : entry;
  }

  #mustWork(path: string): void {
    if (this.isBroken) throw diskError("EIO", path);
  }

  #mustHaveRoom(path: string): void {
    if (this.isFull) throw diskError("ENOSPC", path);
  }
}

function split(path: string): { parent: string; name: string } {
  const slash = path.lastIndexOf("/");
  return { parent: slash === 0 ? "/" : path.slice(0, slash), name: path.slice(slash + 1) };
}

function diskError(code: string, path: string): DiskError {
  return Object.assign(new Error(`${code}: ${path}`), { code });
}
