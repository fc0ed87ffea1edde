import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";

/** Where a relay listens or passes on to: a port of an address, or a socket in the file system. */
export type Endpoint = { host: string; port: number } | { path: string };

/** From the side that dials to the side that listens, and back. */
export type Direction = "up" | "down";

/** One connection through the relay. */
interface Passage {
  near: Socket;
  /** `null` until the way is free in both directions, which a new connection needs. */
  far: Socket | null;
}

/**
 * Passes TCP on, byte for byte, from one end to another; and, where there is no network to break, plays the
 * faults: bytes that go nowhere until they are let go, connections that end, connections that are refused.
 */
export class Relay {
  readonly #server: Server;
  readonly #to: Endpoint;
  readonly #passages = new Set<Passage>();
  readonly #blocked = new Set<Direction>();
  #refusing = false;

  private constructor(server: Server, to: Endpoint) {
    this.#server = server;
    this.#to = to;
    server.on("connection", (socket) => this.#open(socket));
  }

  /** Resolves when it listens. */
  static listen(from: Endpoint, to: Endpoint): Promise<Relay> {
    const server = createServer({ allowHalfOpen: true, noDelay: true });
    return new Promise((resolve, reject) => {
      server.once("error", reject);
      server.listen(from, () => resolve(new Relay(server, to)));
    });
  }

  /** Of a relay that listens on a port that the kernel chose. */
  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Nothing passes in these directions, not even the end of a connection, until others are named. */
  block(directions: readonly Direction[]): void {
    this.#blocked.clear();
    for (const direction of directions) this.#blocked.add(direction);
    for (const passage of this.#passages) this.#letGo(passage);
  }

  /** New connections are reset at once. */
  refuse(refusing: boolean): void {
    this.#refusing = refusing;
  }

  reset(): void {
    for (const passage of this.#passages) {
      reset(passage.near);
      if (passage.far) reset(passage.far);
    }
    this.#passages.clear();
  }

  close(): void {
    this.#server.close();
    this.reset();
  }

  #open(near: Socket): void {
    // Ends with its `close`, which follows.
    near.on("error", () => {});
    if (this.#refusing) return reset(near);
    const passage: Passage = { near, far: null };
    this.#passages.add(passage);
    near.once("close", () => this.#closed(passage));
    near.pause();
    this.#letGo(passage);
  }

  #connect(passage: Passage): Socket {
    const { near } = passage;
    const far = connect({ ...this.#to, allowHalfOpen: true, noDelay: true });
    far.on("error", () => {});
    far.once("close", () => this.#closed(passage));
    this.#pass(near, far, "up");
    this.#pass(far, near, "down");
    return far;
  }

  #pass(source: Socket, sink: Socket, direction: Direction): void {
    source.on("data", (chunk: Buffer) => {
      if (!sink.write(chunk)) source.pause();
    });
    source.on("end", () => sink.end());
    sink.on("drain", () => {
      if (!this.#blocked.has(direction)) source.resume();
    });
  }

  #letGo(passage: Passage): void {
    const { near } = passage;
    if (this.#blocked.size === 0 && !near.destroyed) passage.far ??= this.#connect(passage);
    for (const [source, direction] of [
      [near, "up"],
      [passage.far, "down"],
    ] as const) {
      if (this.#blocked.has(direction) || passage.far === null) source?.pause();
      else source?.resume();
    }
    this.#closed(passage);
  }

  /** Where one end is gone, the other hears of it only if the way to it is free. */
  #closed(passage: Passage): void {
    const { near, far } = passage;
    if (near.destroyed && !this.#blocked.has("up")) far?.destroySoon();
    if (far?.destroyed === true && !this.#blocked.has("down")) near.destroySoon();
    if (near.destroyed && (far === null || far.destroyed)) this.#passages.delete(passage);
  }
}

/** As a lost machine's kernel answers; a socket in the file system knows no reset. */
function reset(socket: Socket): void {
  if (socket.remoteAddress === undefined) socket.destroy();
  else socket.resetAndDestroy();
}
