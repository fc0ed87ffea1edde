import { createHash, randomBytes } from "node:crypto";
import { appendFileSync, createReadStream, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { join } from "node:path";
import type { ModelFile } from "@drover/shared/domain/model.ts";
import { BYTES_PER_MIB } from "@drover/shared/units.ts";
import { startNode, stop } from "../support/processes.ts";
import type { Workshop } from "./fleet.ts";

/** What one pull of its own process took. */
export interface Pulled {
  elapsedMs: number;
  peakRssBytes: number;
}

/** A server of files on loopback, while `use` runs. */
export async function withModelSource<T>(
  workshop: Workshop,
  use: (source: { folder: string; endpoint: string }) => Promise<T>,
): Promise<T> {
  const folder = workshop.newFolder("model-source");
  const server = startNode([new URL("load/serve-files.ts", import.meta.url).pathname, JSON.stringify({ folder })]);
  try {
    const lines = createInterface({ input: server.stdout as NodeJS.ReadableStream });
    const endpoint = String((await lines[Symbol.asyncIterator]().next()).value);
    return await use({ folder, endpoint });
  } finally {
    await stop(server);
  }
}

export async function makeFile(folder: string, name: string, sizeBytes: number): Promise<ModelFile> {
  mkdirSync(folder, { recursive: true });
  const path = join(folder, name);
  const block = randomBytes(Math.min(sizeBytes, 64 * BYTES_PER_MIB));
  writeFileSync(path, "");
  for (let written = 0; written < sizeBytes; written += block.byteLength) appendFileSync(path, block);
  return { path: name, sizeBytes: statSync(path).size, hash: `sha256:${await sha256Of(path)}` };
}

export async function sha256Of(path: string): Promise<string> {
  if (statSync(path).size < BYTES_PER_MIB) return createHash("sha256").update(readFileSync(path)).digest("hex");
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path, { highWaterMark: BYTES_PER_MIB })) hash.update(chunk as Buffer);
  return hash.digest("hex");
}
