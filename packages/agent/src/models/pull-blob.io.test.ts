import { randomBytes } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { open } from "node:fs/promises";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { systemClock, type Clock } from "@drover/shared/clock.ts";
import { sha256Of } from "@drover/shared/testing/local-hub/repository.ts";
import { createFakeClock } from "../testing/fake-clock.ts";
import { waitFor } from "../testing/wait-for.ts";
import { FileSource, type FileAddress } from "./file-source.ts";
import { OriginLanes } from "./origin-lanes.ts";
import { Permits } from "@drover/shared/permits.ts";
import { pullBlob } from "./pull-blob.ts";

const CONTENT = randomBytes(200_000);
/** Pauses are as short as can be. */
const HASTY: Clock = { ...systemClock, callAfter: (_delayMs, fn) => systemClock.callAfter(0, fn) };

let root: string;
let servers: Server[];

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "drover-blob-"));
  servers = [];
});
afterEach(async () => {
  vi.restoreAllMocks();
  for (const server of servers) {
    server.closeAllConnections();
    await new Promise((resolve) => void server.close(resolve));
  }
  rmSync(root, { recursive: true, force: true, maxRetries: 5 });
});

async function serve(listener: RequestListener): Promise<{ url: string; server: Server }> {
  const server = createServer(listener);
  servers.push(server);
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/file`, server };
}

interface Circumstances {
  connections?: Permits;
  clock?: Clock;
  signal?: AbortSignal;
}

let nextName = 1;

/** Pulls CONTENT from there; says where it is. */
async function pull(address: FileAddress, circumstances: Circumstances = {}): Promise<string> {
  const { connections = new Permits(4), clock = HASTY, signal = new AbortController().signal } = circumstances;
  const path = join(root, `blob-${nextName++}`);
  const sizeBytes = CONTENT.byteLength;
  const lanes = new OriginLanes(clock);
  const source = new FileSource({ sizeBytes, findAddress: async () => address, lanes, signal });
  const hash = `sha256:${sha256Of(CONTENT)}`;
  await pullBlob({ path, sizeBytes, hash, source, connections, clock, signal, onFound: () => {}, onBytes: () => {} });
  return path;
}

/** What it fails with, if it does. */
function failureOf(work: Promise<unknown>): Promise<string | null> {
  return work.then(
    () => null,
    (error: Error) => error.message,
  );
}

describe("content that the coordinator hands on", () => {
  it("is what is wanted", async () => {
    const path = await pull({ content: CONTENT });
    expect(readFileSync(path).equals(CONTENT)).toBe(true);
  });

  it.each([0, 1000, CONTENT.byteLength - 1, CONTENT.byteLength + 1])("of %s bytes is refused", async (bytes) => {
    const content = Buffer.concat([CONTENT, CONTENT]).subarray(0, bytes);
    await expect(pull({ content })).rejects.toMatchObject({ code: "wrongBytes" });
  });
});

describe("a source that asks to be left alone", () => {
  it("for long is not waited for: the pull ends and says when to come back", async () => {
    const { url } = await serve((_, response) => response.writeHead(429, { "retry-after": "1800" }).end());
    await expect(pull({ url })).rejects.toMatchObject({ code: "rateLimited", retryAfterMs: 1_800_000 });
  });

  it("holds up nobody who is served by another", async () => {
    const limited = await serve((_, response) => response.writeHead(429, { "retry-after": "30" }).end());
    const fine = await serve((_, response) => response.end(CONTENT));
    const aborting = new AbortController();
    const pauses: number[] = [];
    const clock = createFakeClock();
    const noting: Clock = {
      ...clock,
      callAfter: (delayMs, fn) => (pauses.push(delayMs), clock.callAfter(delayMs, fn)),
    };
    const circumstances = { connections: new Permits(1), clock: noting, signal: aborting.signal };
    const waiting = failureOf(pull({ url: limited.url }, circumstances));
    await waitFor("it to wait", () => pauses.length === 1);
    await pull({ url: fine.url }, { ...circumstances, signal: new AbortController().signal });
    aborting.abort(new Error("given up"));
    expect(await waiting).toBe("given up");
  });

  it("is asked again when the time has come", async () => {
    let asked = 0;
    const { url } = await serve((_, response) => {
      if (++asked === 1) response.writeHead(429, { "retry-after": new Date(systemClock.nowMs() + 5000).toUTCString() });
      response.end(asked === 1 ? "" : CONTENT);
    });
    const path = await pull({ url });
    expect(readFileSync(path).equals(CONTENT)).toBe(true);
  });
});

describe("a source that knows no ranges and always breaks off", () => {
  it("is given up after a few tries", async () => {
    let asked = 0;
    const { url } = await serve((_, response) => {
      asked++;
      response.writeHead(200, { "content-length": String(CONTENT.byteLength) });
      response.write(CONTENT.subarray(0, 150_000), () => response.destroy());
    });
    await expect(pull({ url })).rejects.toMatchObject({ code: "sourceUnavailable" });
    expect(asked).toBeLessThan(12);
  });
});

describe("a disk that fails to sync", () => {
  it("leaves nothing that would be taken for written the next time", async () => {
    const { url } = await serve((_, response) => response.end(CONTENT));
    const handle = await open(root, "r");
    const sync = vi.spyOn(Object.getPrototypeOf(handle) as typeof handle, "sync");
    await handle.close();
    sync.mockRejectedValueOnce(Object.assign(new Error("it is broken"), { code: "EIO" }));
    await expect(pull({ url })).rejects.toMatchObject({ code: "EIO" });
    const path = join(root, `blob-${nextName - 1}`);
    const left = ["", ".drover-partial", ".drover-progress"].filter((suffix) => existsSync(`${path}${suffix}`));
    expect(left).toEqual([]);
  });
});

describe("connections", () => {
  it("are used again, behind redirects too", async () => {
    const { url, server } = await serve((request, response) => {
      if (request.url === "/there") response.end(CONTENT);
      else response.writeHead(302, { location: "/there" }).end("it is elsewhere");
    });
    let connections = 0;
    server.on("connection", () => connections++);
    for (let count = 0; count < 10; count++) await pull({ url });
    expect(connections).toBeLessThan(5);
  });
});

describe("an answer that is not whole", () => {
  it("is all the same when its last byte came, even if it never ends", async () => {
    const { url } = await serve((_, response) => {
      response.writeHead(200, { "content-length": String(CONTENT.byteLength + 1) });
      response.write(CONTENT, () => response.destroy());
    });
    const path = await pull({ url });
    await waitFor("it to be there", () => existsSync(path));
  });
});
