import type { MachineClock } from "../world/machine-clock.ts";

const MS_PER_TICK = 10;

/** A process of the simulated machine, as its kernel knows it. */
export interface TableEntry {
  pid: number;
  startTicks: number;
  /** NAME=value, NUL-terminated each. */
  environment: string;
  signal(signal: "SIGTERM" | "SIGKILL"): void;
}

/** The kernel's processes, and /proc. Few pids, so that they come again: a pid alone must never name a process. */
export class ProcessTable {
  readonly #clock: MachineClock;
  readonly #pidCount: number;
  readonly #entries = new Map<number, TableEntry>();
  #lastPid = 1;
  #lastTicks = 0;

  constructor(clock: MachineClock, pidCount: number) {
    this.#clock = clock;
    this.#pidCount = pidCount;
  }

  /** `null` where the machine has no process left to give. `lastPid`: the kernel is just about to come to the next. */
  add(environment: string, signal: TableEntry["signal"], lastPid = this.#lastPid): TableEntry | null {
    if (this.#entries.size >= this.#pidCount) return null;
    this.#lastPid = lastPid;
    do this.#lastPid = 2 + ((this.#lastPid - 1) % this.#pidCount);
    while (this.#entries.has(this.#lastPid));
    // A real kernel needs longer than a tick to come round to the same pid again.
    this.#lastTicks = Math.max(this.#lastTicks + 1, Math.floor(this.#clock.monotonicMs() / MS_PER_TICK));
    const entry = { pid: this.#lastPid, startTicks: this.#lastTicks, environment, signal };
    this.#entries.set(entry.pid, entry);
    return entry;
  }

  remove(entry: TableEntry): void {
    if (this.#entries.get(entry.pid) === entry) this.#entries.delete(entry.pid);
  }

  clear(): void {
    this.#entries.clear();
    this.#lastTicks = 0;
  }

  signal(pid: number, signal: "SIGTERM" | "SIGKILL"): void {
    this.#entries.get(pid)?.signal(signal);
  }

  pids(): string[] {
    return [...this.#entries.keys()].map(String);
  }

  /** A file below /proc; `null` where there is none. */
  read(path: string): string | null {
    const [, , pid, file] = path.split("/");
    const entry = this.#entries.get(Number(pid));
    if (!entry) return null;
    if (file === "environ") return entry.environment;
    // proc(5): the name in brackets, then the state as field 3, the start time as field 22.
    return file === "stat" ? `${pid} (a) b) S ${"0 ".repeat(18)}${entry.startTicks} 0 0` : null;
  }
}
