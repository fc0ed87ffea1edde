/**
 * For how long the coordinator could have heard each node, and did not: in the time in which it was up and awake. A
 * heartbeat counts when it comes. A hello counts from when it came if it is taken, and that is told when it is
 * durable, which may be long after and of several at once: then there is a longest silence, as each came, and a
 * shortest one, as if only the last had been there.
 */
export class SilenceWatch {
  #awakeMs = 0;
  readonly #heardAtMs = new Map<string, number>();
  readonly #heardAtTheLatestMs = new Map<string, number>();
  /** Of those that may still be taken, in order. */
  readonly #hellosAtMs = new Map<string, number[]>();

  pass(durationMs: number): void {
    this.#awakeMs += durationMs;
  }

  /** Of whoever was known before it the coordinator counts the silence from its start. */
  onCoordinatorStarted(): void {
    this.#hellosAtMs.clear();
    for (const nodeName of this.#heardAtMs.keys()) this.#hear(nodeName, this.#awakeMs, this.#awakeMs);
  }

  onHello(nodeName: string): void {
    const hellos = this.#hellosAtMs.get(nodeName);
    if (hellos) hellos.push(this.#awakeMs);
    else this.#hellosAtMs.set(nodeName, [this.#awakeMs]);
  }

  onHeartbeat(nodeName: string): void {
    // Only who was welcomed sends one: of the hellos so far none is still to be taken.
    this.#hellosAtMs.delete(nodeName);
    this.#hear(nodeName, this.#awakeMs, this.#awakeMs);
  }

  /** A turn became durable in which these came online; before what else it did is looked at, `onOnline` in its order. */
  onTurn(online: readonly string[]): void {
    for (const nodeName of online) {
      const lastHelloAtMs = this.#hellosAtMs.get(nodeName)?.at(-1) ?? 0;
      this.#hear(nodeName, this.#heardAtMs.get(nodeName) ?? 0, lastHelloAtMs);
    }
  }

  onOnline(nodeName: string): void {
    const helloAtMs = this.#hellosAtMs.get(nodeName)?.shift() ?? 0;
    this.#hear(nodeName, helloAtMs, helloAtMs);
  }

  longest(nodeName: string): number {
    return this.#awakeMs - (this.#heardAtMs.get(nodeName) ?? 0);
  }

  shortest(nodeName: string): number {
    return this.#awakeMs - (this.#heardAtTheLatestMs.get(nodeName) ?? 0);
  }

  #hear(nodeName: string, atMs: number, atTheLatestMs: number): void {
    this.#heardAtMs.set(nodeName, Math.max(atMs, this.#heardAtMs.get(nodeName) ?? 0));
    this.#heardAtTheLatestMs.set(nodeName, Math.max(atTheLatestMs, this.#heardAtTheLatestMs.get(nodeName) ?? 0));
  }
}
