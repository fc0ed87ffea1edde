type Part = string | number | boolean | null | object;

const KEPT_LINES = 50;

/**
 * What happened, a line each: the last 50 are always there for the report of a failure, all of them where somebody
 * reads along. Lines are put together only when they are read, because most never are.
 */
export class Trace {
  readonly #now: () => number;
  readonly #sink: ((line: string) => void) | null;
  readonly #kept: (readonly [number, string, readonly Part[]])[] = [];
  #next = 0;

  constructor(now: () => number, sink: ((line: string) => void) | null) {
    this.#now = now;
    this.#sink = sink;
  }

  say(who: string, ...parts: Part[]): void {
    const entry = [this.#now(), who, parts] as const;
    this.#sink?.(format(entry));
    this.#kept[this.#next++ % KEPT_LINES] = entry;
  }

  lastLines(): string[] {
    const start = this.#next % KEPT_LINES;
    const inOrder = this.#next <= KEPT_LINES ? this.#kept : [...this.#kept.slice(start), ...this.#kept.slice(0, start)];
    return inOrder.map(format);
  }
}

function format([atMs, who, parts]: readonly [number, string, readonly Part[]]): string {
  const words = parts.map((part) => (typeof part === "string" ? part : JSON.stringify(part)));
  return `${(atMs / 1000).toFixed(3).padStart(9)} ${who.padEnd(11)} ${words.join(" ")}`;
}
