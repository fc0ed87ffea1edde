import type { IncomingMessage } from "node:http";
import { redirectTarget } from "@drover/shared/domain/source-answers.ts";
import { discard, httpGet, rangeStart } from "./http-get.ts";
import type { OriginLanes } from "./origin-lanes.ts";
import { PullProblem } from "./pull-problem.ts";

/** Where one file is got: an address, or the content itself where it is small and only the coordinator may see it. */
export type FileAddress = { url: string } | { content: Uint8Array };

export interface FileSourcePorts {
  sizeBytes: number;
  /** Asked again when an address is not good any more. */
  findAddress(): Promise<FileAddress>;
  lanes: OriginLanes;
  signal: AbortSignal;
}

const MAX_REDIRECTS = 5;
const FOUND_ELSEWHERE = new Set([301, 302, 303, 307, 308]);

/** The bytes of one file, from any place on. Large files are elsewhere than where they are asked for: that is remembered. */
export class FileSource {
  readonly #ports: FileSourcePorts;
  #address: Promise<FileAddress> | null = null;
  /** Where the last redirect led: signed, and good for a while. */
  #elsewhere: string | null = null;

  constructor(ports: FileSourcePorts) {
    this.#ports = ports;
  }

  /**
   * All that may take long before there is anything to read, so that nobody waits for it with a connection in hand.
   * Throws where the origin is to be left alone.
   */
  async prepare(): Promise<void> {
    const address = await this.#find();
    if ("url" in address) this.#ports.lanes.enter(this.#elsewhere ?? address.url);
  }

  /** `bytes`: all of them. `answer`: from `start` on, or from the beginning where the source knows no ranges. */
  async open(
    start: number,
    end: number | null,
  ): Promise<{ content: Uint8Array } | { answer: IncomingMessage; start: number }> {
    const address = await this.#find();
    if ("content" in address) return { content: address.content.subarray(start, end ?? undefined) };
    const headers: Record<string, string> = end === null ? {} : { range: `bytes=${start}-${end - 1}` };
    const elsewhere = this.#elsewhere;
    if (elsewhere !== null) {
      const answer = await this.#get(elsewhere, headers);
      if (answer.statusCode === 200 || answer.statusCode === 206) return opened(answer, start);
      discard(answer);
      // Its signature has run out: asked again where it is always asked.
      if (this.#elsewhere === elsewhere) this.#elsewhere = null;
    }
    return opened(await this.#follow(address.url, headers), start);
  }

  async #find(): Promise<FileAddress> {
    try {
      const address = await (this.#address ??= this.#ports.findAddress());
      const { sizeBytes } = this.#ports;
      if ("content" in address && address.content.byteLength !== sizeBytes)
        throw new PullProblem("wrongBytes", `${address.content.byteLength} bytes came of a file of ${sizeBytes}`);
      return address;
    } catch (error) {
      this.#address = null;
      throw error;
    }
  }

  async #follow(url: string, headers: Record<string, string>): Promise<IncomingMessage> {
    let at = url;
    for (let count = 0; ; count++) {
      const answer = await this.#get(at, headers);
      const status = answer.statusCode ?? 0;
      if (status === 200 || status === 206) {
        if (new URL(at).origin !== new URL(url).origin) this.#elsewhere = at;
        return answer;
      }
      discard(answer);
      const target = FOUND_ELSEWHERE.has(status) ? redirectTarget(answer.headers.location, at) : null;
      if (target === null || count === MAX_REDIRECTS) {
        this.#address = null;
        throw this.#refusal(answer, at, url);
      }
      at = target.href;
    }
  }

  async #get(url: string, headers: Record<string, string>): Promise<IncomingMessage> {
    const { lanes, signal } = this.#ports;
    signal.throwIfAborted();
    lanes.enter(url);
    try {
      return await httpGet(url, headers, signal);
    } catch (error) {
      throw new PullProblem("sourceUnavailable", `${new URL(url).host}: ${(error as Error).message}`);
    }
  }

  /** What an answer that has no bytes means; the address is not repeated, because it may be signed. */
  #refusal({ statusCode = 0, headers }: IncomingMessage, url: string, askedUrl: string): PullProblem {
    const { host } = new URL(url);
    if (statusCode === 429) {
      const waitMs = this.#ports.lanes.close(url, headers["retry-after"]);
      return new PullProblem("rateLimited", `${host} asks to be left alone for ${Math.ceil(waitMs / 1000)} s`, waitMs);
    }
    // A signature that was made a moment ago and is refused: the next one may be better.
    if (statusCode === 403 && new URL(askedUrl).origin !== new URL(url).origin)
      return new PullProblem("sourceUnavailable", `${host} refuses the address that it was given`);
    if (statusCode === 401 || statusCode === 403)
      return new PullProblem("accessDenied", `${host} answers ${statusCode}`);
    if (statusCode === 404 || statusCode === 410)
      return new PullProblem("missingFile", `${host} answers ${statusCode}`);
    return new PullProblem("sourceUnavailable", `${host} answers ${statusCode}`);
  }
}

function opened(answer: IncomingMessage, start: number): { answer: IncomingMessage; start: number } {
  return { answer, start: answer.statusCode === 206 ? (rangeStart(answer) ?? start) : 0 };
}
