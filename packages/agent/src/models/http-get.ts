import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";

/** A connection that says nothing for so long is dead. */
const IDLE_TIMEOUT_MS = 60_000;

const httpAgent = new HttpAgent({ keepAlive: true });
const httpsAgent = new HttpsAgent({ keepAlive: true });

/** One GET without following anything; rejects where no answer comes. Whoever gets it reads the body, or destroys it. */
export function httpGet(
  address: string,
  headers: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  const url = new URL(address);
  const isSecure = url.protocol === "https:";
  return new Promise((resolve, reject) => {
    const request = (isSecure ? httpsRequest : httpRequest)(
      url,
      { agent: isSecure ? httpsAgent : httpAgent, headers: { "accept-encoding": "identity", ...headers }, signal },
      resolve,
    );
    request.setTimeout(IDLE_TIMEOUT_MS, () => request.destroy(new Error(`${url.host} says nothing`)));
    request.on("error", reject);
    request.end();
  });
}

/** More than this nobody says beside a redirect or a refusal. */
const MAX_DISCARDED_BYTES = 64 * 1024;

/** Nobody wants its body: read to its end where that is near, so that its connection is used again. */
export function discard(answer: IncomingMessage): void {
  let bytes = 0;
  answer.on("error", () => {});
  answer.on("data", (chunk: Buffer) => {
    bytes += chunk.byteLength;
    if (bytes > MAX_DISCARDED_BYTES) answer.destroy();
  });
}

/** What a `Content-Range` of `bytes 0-9/100` says of where it begins; `null` where it says nothing. */
export function rangeStart({ headers }: IncomingMessage): number | null {
  const start = /^bytes (\d+)-/.exec(headers["content-range"] ?? "")?.[1];
  return start === undefined ? null : Number(start);
}
