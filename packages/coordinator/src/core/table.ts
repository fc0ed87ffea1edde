/**
 * Rows of one kind in memory, with a journal of the turn in progress: what was there before each first
 * change, so that a turn whose commit failed can be taken back exactly.
 *
 * `onChange` keeps what is derived from the rows (indexes); it is called on the way back too, so nothing
 * derived needs a journal of its own.
 */
export class Table<K, V> {
  readonly #rows = new Map<K, V>();
  readonly #before = new Map<K, V | undefined>();
  readonly #isHot: (row: V) => boolean;
  readonly #onChange: (before: V | undefined, after: V | undefined) => void;

  constructor(isHot: (row: V) => boolean, onChange: (before: V | undefined, after: V | undefined) => void = () => {}) {
    this.#isHot = isHot;
    this.#onChange = onChange;
  }

  get size(): number {
    return this.#rows.size;
  }

  get(key: K): V | undefined {
    return this.#rows.get(key);
  }

  values(): IterableIterator<V> {
    return this.#rows.values();
  }

  put(key: K, row: V): void {
    const before = this.#rows.get(key);
    if (!this.#before.has(key)) this.#before.set(key, before);
    this.#rows.set(key, row);
    this.#onChange(before, row);
  }

  /** Puts a row that the store already holds: at start, outside any turn. */
  load(key: K, row: V): void {
    this.#rows.set(key, row);
    this.#onChange(undefined, row);
  }

  /** Every row changed in this turn, with what it was at the turn's beginning. */
  *changes(): Generator<{ before: V | undefined; after: V }> {
    for (const [key, before] of this.#before) {
      const after = this.#rows.get(key);
      if (after !== undefined) yield { before, after };
    }
  }

  get hasChanges(): boolean {
    return this.#before.size > 0;
  }

  /** The turn is durable: forgets the journal, and the rows that are now history. */
  commit(): void {
    for (const key of this.#before.keys()) {
      const row = this.#rows.get(key);
      if (row === undefined || this.#isHot(row)) continue;
      this.#rows.delete(key);
      this.#onChange(row, undefined);
    }
    this.#before.clear();
  }

  /**
   * The turn never happened. Undone in the reverse order: what one row gave up and another took must be given
   * back before it is taken again, or whatever counts it counts it twice.
   */
  rollback(): void {
    for (const [key, before] of [...this.#before].toReversed()) {
      const after = this.#rows.get(key);
      if (before === undefined) this.#rows.delete(key);
      else this.#rows.set(key, before);
      this.#onChange(after, before);
    }
    this.#before.clear();
  }
}
