import { createHash } from "node:crypto";
import { createWriteStream } from "node:fs";
import { get as getPlain, type IncomingMessage } from "node:http";
import { get as getTls } from "node:https";
import { Transform } from "node:stream";
import { pipeline } from "node:stream/promises";

const SILENCE_TIMEOUT_MS = 30_000;

/** Fetches a file of a coordinator that is known by these authorities; throws unless it has this SHA-256. */
export async function fetchArchive(
  url: URL,
  { path, sha256, authorities }: { path: string; sha256: string; authorities: string[] },
): Promise<void> {
  const response = await open(url, authorities);
  if (response.statusCode !== 200) {
    response.resume();
    throw new Error(`${url.host} answered ${response.statusCode} for ${url.pathname}`);
  }
  const hash = createHash("sha256");
  const count = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      done(null, chunk);
    },
  });
  await pipeline(response, count, createWriteStream(path, { mode: 0o600 }));
  const actual = hash.digest("hex");
  if (actual !== sha256) throw new Error(`${url.pathname} has the SHA-256 ${actual} and should have ${sha256}`);
}

function open(url: URL, authorities: string[]): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const options = { timeout: SILENCE_TIMEOUT_MS, agent: false as const };
    const request =
      url.protocol === "https:"
        ? getTls(url, { ...options, ca: authorities, rejectUnauthorized: true }, resolve)
        : getPlain(url, options, resolve);
    request.on("timeout", () => request.destroy(new Error(`${url.host} says nothing`)));
    request.on("error", reject);
  });
}
