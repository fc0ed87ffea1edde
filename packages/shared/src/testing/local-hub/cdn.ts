import { createHash, createHmac, randomBytes } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";

/** What goes wrong with an answer: at the most so often, for files of this content or for all. */
export interface CdnFault {
  kind: "cut" | "wrongBytes" | "ignoresRange" | "unavailable" | "expired";
  /** How often it still happens. */
  count: number;
  /** Of a cut: after so many bytes of the answer. */
  afterBytes?: number;
}

/**
 * The other origin from which the bytes of large files come: by an address that is signed, for a while, and with an
 * ETag that is no hash of the content.
 */
export class Cdn {
  readonly #key = randomBytes(16);
  readonly #contents = new Map<string, Buffer>();
  readonly faults: CdnFault[] = [];
  /** Of all answers. */
  sentBytes = 0;
  /** Requests, by their `Range` header. */
  readonly ranges: string[] = [];
  /** `authorization` headers that came: the Hub's token is not for this host. */
  readonly credentials: string[] = [];
  bytesPerSecond: number | null = null;

  /** A signed address of this content, on this origin. */
  addressOf(content: Buffer, sha256: string, origin: string): string {
    this.#contents.set(sha256, content);
    return `${origin}/xet/${sha256}?signature=${this.#sign(sha256)}`;
  }

  async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? "/", "http://cdn");
    const sha256 = url.pathname.slice("/xet/".length);
    const content = this.#contents.get(sha256);
    if (request.headers.authorization !== undefined) this.credentials.push(request.headers.authorization);
    this.ranges.push(request.headers.range ?? "");
    const fault = this.#takeFault();
    if (content === undefined) return void response.writeHead(404).end();
    if (url.searchParams.get("signature") !== this.#sign(sha256) || fault?.kind === "expired")
      return void response.writeHead(403).end("<Error><Code>AccessDenied</Code></Error>");
    if (fault?.kind === "unavailable") return void response.writeHead(503).end();
    const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? "");
    const isPart = range !== null && fault?.kind !== "ignoresRange";
    const start = isPart ? Number(range[1]) : 0;
    const end = isPart && range[2] !== "" ? Math.min(Number(range[2]) + 1, content.byteLength) : content.byteLength;
    if (isPart && start >= content.byteLength)
      return void response.writeHead(416, { "content-range": `bytes */${content.byteLength}` }).end();
    response.writeHead(isPart ? 206 : 200, {
      "content-length": String(end - start),
      etag: `"${createHash("sha256").update(`xet ${sha256}`).digest("hex")}"`,
      ...(isPart && { "content-range": `bytes ${start}-${end - 1}/${content.byteLength}` }),
    });
    await this.#send(response, content.subarray(start, end), fault);
  }

  async #send(response: ServerResponse, bytes: Buffer, fault: CdnFault | null): Promise<void> {
    const stopAt = fault?.kind === "cut" ? Math.min(fault.afterBytes ?? 0, bytes.byteLength) : bytes.byteLength;
    const chunkBytes = 64 * 1024;
    for (let offset = 0; offset < stopAt && !response.destroyed; offset += chunkBytes) {
      const chunk = Buffer.from(bytes.subarray(offset, Math.min(offset + chunkBytes, stopAt)));
      if (fault?.kind === "wrongBytes" && offset === 0) chunk[0] = (chunk[0] ?? 0) ^ 0xff;
      this.sentBytes += chunk.byteLength;
      if (!response.write(chunk)) await drained(response);
      if (this.bytesPerSecond !== null)
        await new Promise((resolve) => setTimeout(resolve, (chunk.byteLength / (this.bytesPerSecond ?? 1)) * 1000));
    }
    if (stopAt < bytes.byteLength) response.destroy();
    else response.end();
  }

  #takeFault(): CdnFault | null {
    const fault = this.faults.find(({ count }) => count > 0);
    if (fault === undefined) return null;
    fault.count--;
    return fault;
  }

  #sign(sha256: string): string {
    return createHmac("sha256", this.#key).update(sha256).digest("hex");
  }
}

function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      response.off("drain", done);
      response.off("close", done);
      resolve();
    };
    response.on("drain", done);
    response.on("close", done);
  });
}
