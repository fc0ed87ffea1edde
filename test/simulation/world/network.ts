import type { Process } from "./process.ts";
import type { Random } from "./random.ts";
import type { Timeline } from "./timeline.ts";

/** Of the pauses of TCP, which double as long as nothing gets through. */
const LONGEST_PAUSE_MS = 120_000;
/** Bytes that a direction takes while nothing gets through: the socket buffers of both kernels. */
const KERNEL_BUFFER_BYTES = 512 * 1024;

export type Frame = string | Uint8Array;
export type Direction = "up" | "down";

/** The last that goes one way: a close frame of the program, or the kernel's word that there is no program any more. */
class Goodbye {
  readonly reason: string;

  constructor(reason: string) {
    this.reason = reason;
  }
}

/** One end of a connection, as the program that holds it is told of it. */
export interface EndEvents {
  onFrame(frame: Frame): void;
  onClosed(reason: string): void;
}

/** What stands between one machine and the coordinator; `up` is towards the coordinator. */
export class Path {
  readonly connections = new Set<Connection>();
  readonly #timeline: Timeline;
  /** Since when nothing gets through that way. */
  readonly #cutSinceMs = new Map<Direction, number>();
  latencyMs = 1;
  /** How long TCP tries in vain to get the first frames of the next connection through. */
  nextStallMs = 0;

  constructor(timeline: Timeline) {
    this.#timeline = timeline;
  }

  isCut(direction: Direction): boolean {
    return this.#cutSinceMs.has(direction);
  }

  /** Nothing gets through that way; what is sent meanwhile waits, as TCP makes it wait. */
  cut(direction: Direction): void {
    if (!this.isCut(direction)) this.#cutSinceMs.set(direction, this.#timeline.nowMs);
  }

  heal(): void {
    const healed = [...this.#cutSinceMs];
    this.#cutSinceMs.clear();
    for (const connection of this.connections)
      for (const [direction, sinceMs] of healed) connection.goOn(direction, this.#timeline.nowMs - sinceMs);
  }
}

/**
 * A TCP connection with frames on it. In order and without loss as long as it lives; how it dies is the interesting
 * part: each end learns of it by itself, at another time, or not at all.
 */
export class Connection {
  readonly agentEnd: End;
  readonly coordinatorEnd: End;
  readonly #timeline: Timeline;
  readonly #random: Random;
  readonly #path: Path;
  readonly #held: Record<Direction, (Frame | Goodbye)[]> = { up: [], down: [] };
  readonly #lastArrivalMs: Record<Direction, number> = { up: 0, down: 0 };
  #isStalled = false;
  /** Something between the ends forgot it: whatever is sent is lost without a word. */
  #isForgotten = false;

  constructor(timeline: Timeline, random: Random, path: Path, agent: Process, coordinator: Process) {
    this.#timeline = timeline;
    this.#random = random;
    this.#path = path;
    this.agentEnd = new End(this, "up", agent);
    this.coordinatorEnd = new End(this, "down", coordinator);
    path.connections.add(this);
    if (path.nextStallMs === 0) return;
    this.#isStalled = true;
    timeline.after(path.nextStallMs, () => {
      this.#isStalled = false;
      this.#flush("up");
    });
    path.nextStallMs = 0;
  }

  get ends(): readonly [End, End] {
    return [this.agentEnd, this.coordinatorEnd];
  }

  /** Nothing is under way, and both ends are open. */
  get isQuiet(): boolean {
    return this.ends.every((end) => end.isOpen && !end.isClosing && end.unsentBytes === 0) && !this.#isForgotten;
  }

  send(from: End, frame: Frame | Goodbye): void {
    if (this.#isForgotten) return;
    const held = this.#held[from.direction];
    if (held.length > 0 || this.#isBlocked(from.direction)) held.push(frame);
    else this.#forward(from, frame);
  }

  /** What waited goes on, in its order, when the kernel tries again; a connection made meanwhile may be faster. */
  goOn(direction: Direction, cutMs: number): void {
    if (this.#held[direction].length === 0) return;
    const pauseMs = this.#random.fraction() * Math.min(cutMs, LONGEST_PAUSE_MS);
    this.#timeline.after(pauseMs, () => this.#flush(direction));
  }

  #isBlocked(direction: Direction): boolean {
    return this.#path.isCut(direction) || (this.#isStalled && direction === "up");
  }

  #flush(direction: Direction): void {
    if (this.#isBlocked(direction)) return;
    const from = direction === "up" ? this.agentEnd : this.coordinatorEnd;
    for (const frame of this.#held[direction].splice(0)) this.#forward(from, frame);
  }

  /** What waited in the kernel of a machine that went down. */
  lose(direction: Direction): void {
    this.#held[direction] = [];
  }

  /** Both ends are told, each when the news reaches it; what is under way is lost. */
  reset(): void {
    this.forget([this.agentEnd, this.coordinatorEnd]);
  }

  /** A router or a NAT lost it: only some ends are told, the others go on in the belief that it lives. */
  forget(told: readonly End[]): void {
    this.#isForgotten = true;
    for (const end of told) this.#after(other(end.direction), () => end.closed("connection reset"));
  }

  endClosed(): void {
    if (this.ends.every((end) => !end.isOpen)) this.#path.connections.delete(this);
  }

  #forward(from: End, frame: Frame | Goodbye): void {
    this.#after(from.direction, () => {
      if (this.#isForgotten) return;
      const to = from === this.agentEnd ? this.coordinatorEnd : this.agentEnd;
      if (frame instanceof Goodbye) {
        to.closed(frame.reason);
        // The answer to a goodbye; a program that is gone does not wait for it.
        this.#after(to.direction, () => from.closed(frame.reason));
        return;
      }
      from.sent(frame.length);
      if (to.isOpen) to.process.run(() => to.isOpen && to.events?.onFrame(frame));
      // Nobody there: the kernel on that side answers with a reset.
      else if (!this.#path.isCut(to.direction)) this.#after(to.direction, () => from.closed("connection reset"));
    });
  }

  /** After the way through the network, behind all that went the same way before. */
  #after(direction: Direction, arrive: () => void): void {
    const latencyMs = this.#path.latencyMs * (0.5 + this.#random.fraction());
    const arrivalMs = Math.max(this.#lastArrivalMs[direction], this.#timeline.nowMs + latencyMs);
    this.#lastArrivalMs[direction] = arrivalMs;
    this.#timeline.after(arrivalMs - this.#timeline.nowMs, arrive);
  }
}

export class End {
  readonly direction: Direction;
  readonly process: Process;
  readonly #connection: Connection;
  readonly #flushes: (() => void)[] = [];
  events: EndEvents | null = null;
  isOpen = true;
  /** Said goodbye, and not yet answered: still hears what the other side sent before it knew. */
  isClosing = false;
  unsentBytes = 0;

  constructor(connection: Connection, direction: Direction, process: Process) {
    this.#connection = connection;
    this.direction = direction;
    this.process = process;
  }

  /** What of `unsentBytes` does not fit into the kernel's buffers. */
  get bufferedBytes(): number {
    return Math.max(0, this.unsentBytes - KERNEL_BUFFER_BYTES);
  }

  send(frame: Frame, onFlushed: () => void = () => {}): void {
    if (!this.isOpen || this.isClosing) return;
    this.unsentBytes += frame.length;
    if (this.bufferedBytes === 0) this.process.after(0, onFlushed);
    else this.#flushes.push(onFlushed);
    this.#connection.send(this, frame);
  }

  sent(bytes: number): void {
    this.unsentBytes -= bytes;
    while (this.#flushes.length > 0 && this.bufferedBytes === 0) {
      const flushed = this.#flushes.shift();
      if (flushed && this.isOpen) this.process.run(flushed);
    }
  }

  /** Says goodbye, and waits this long for the answer. */
  close(reason: string, patienceMs: number): void {
    if (!this.isOpen || this.isClosing) return;
    this.isClosing = true;
    this.#connection.send(this, new Goodbye(reason));
    this.process.after(patienceMs, () => this.closed(reason));
  }

  /** Without waiting for anybody; its own program is told in a later step. */
  terminate(): void {
    if (!this.isOpen) return;
    this.#connection.send(this, new Goodbye("connection reset"));
    this.process.after(0, () => this.closed("terminated"));
  }

  /** The program that held it is gone. A kernel that lives says so to the other side; a machine without power does not. */
  vanish(says: boolean): void {
    if (!this.isOpen) return;
    if (says) this.#connection.send(this, new Goodbye("connection reset"));
    this.isOpen = false;
    this.#connection.endClosed();
  }

  closed(reason: string): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    this.#connection.endClosed();
    this.process.run(() => this.events?.onClosed(reason));
  }
}

function other(direction: Direction): Direction {
  return direction === "up" ? "down" : "up";
}
