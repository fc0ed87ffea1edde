/**
 * Wakes whoever waits for something about a key to change. A signal carries nothing: the waiter looks
 * again at what is true now, so that missing one of two signals in a row costs nothing.
 */
export class Signals<K> {
  readonly #waiters = new Map<K, Set<() => void>>();

  /** Calls `wake` at every signal for the key until the returned function is called. */
  listen(key: K, wake: () => void): () => void {
    let waiters = this.#waiters.get(key);
    if (!waiters) this.#waiters.set(key, (waiters = new Set()));
    waiters.add(wake);
    return () => {
      waiters.delete(wake);
      if (waiters.size === 0 && this.#waiters.get(key) === waiters) this.#waiters.delete(key);
    };
  }

  signal(key: K): void {
    for (const wake of this.#waiters.get(key) ?? []) wake();
  }
}
