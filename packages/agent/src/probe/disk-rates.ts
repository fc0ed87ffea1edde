import { randomBytes } from "node:crypto";
import { open, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "@drover/shared/clock.ts";
import { BYTES_PER_GIB, BYTES_PER_MIB } from "@drover/shared/units.ts";
import { jsonIn, objectOf, textOf } from "./parse/json.ts";
import { wholeNumberOf } from "./parse/cell.ts";
import type { RunTool } from "./run-tool.ts";

const CHUNK_BYTES = BYTES_PER_MIB;
const CHUNK_COUNT = 64;
/** A disk that needs longer has answered the question. */
const TIMEOUT_MS = 10_000;
/** On a disk with less than this free nothing is tried. */
const ROOM_BYTES = BYTES_PER_GIB;
const MAX_RATE = 2 ** 40;

export interface DiskRates {
  writeBytesPerSecond: number | null;
  readBytesPerSecond: number | null;
}

export const NO_RATES: DiskRates = { writeBytesPerSecond: null, readBytesPerSecond: null };

export interface DiskRatesOptions {
  /** On the disk that is meant. */
  dataDir: string;
  /** The device, so that what was measured of another is not taken for this one's. */
  source: string | null;
  freeBytes: number;
  /** Now, if it was not before; else only what is remembered. */
  mayMeasure: boolean;
  run: RunTool;
  clock: Clock;
}

/** How fast a disk writes and reads: measured once, and remembered in the data directory's `disk-rates`. */
export async function readDiskRates(options: DiskRatesOptions): Promise<DiskRates> {
  const { dataDir, source, freeBytes, mayMeasure } = options;
  const file = join(dataDir, "disk-rates");
  const remembered = await recall(file, source);
  if (remembered !== null || !mayMeasure || freeBytes < ROOM_BYTES) return remembered ?? NO_RATES;
  const rates = await measure(join(dataDir, "disk-rates.trial"), options);
  if (rates.writeBytesPerSecond !== null) await remember(file, source, rates);
  return rates;
}

async function measure(path: string, { run, clock }: DiskRatesOptions): Promise<DiskRates> {
  try {
    const writeBytesPerSecond = await measureWrite(path, clock);
    // What was just written is still in memory; O_DIRECT passes that by, and Node's buffers are not aligned for it.
    const dd = await run("dd", [`if=${path}`, "of=/dev/null", "bs=1M", "iflag=direct"], TIMEOUT_MS);
    return { writeBytesPerSecond, readBytesPerSecond: parseDdRate(dd?.stderr ?? "") };
  } catch {
    return NO_RATES;
  } finally {
    await rm(path, { force: true }).catch(() => {});
  }
}

/** Of bytes that no file system can press together; `null`: it took too long. */
async function measureWrite(path: string, clock: Clock): Promise<number | null> {
  const chunk = randomBytes(CHUNK_BYTES);
  const startedAtMs = clock.monotonicMs();
  const file = await open(path, "w", 0o600);
  try {
    for (let n = 0; n < CHUNK_COUNT; n++) {
      await file.write(chunk);
      if (clock.monotonicMs() - startedAtMs > TIMEOUT_MS) return null;
    }
    await file.sync();
  } finally {
    await file.close();
  }
  const seconds = (clock.monotonicMs() - startedAtMs) / 1000;
  return seconds > 0 ? Math.round((CHUNK_BYTES * CHUNK_COUNT) / seconds) : null;
}

/** `67108864 bytes (67 MB, 64 MiB) copied, 0.0312 s, 2.1 GB/s` */
export function parseDdRate(text: string): number | null {
  const [, bytes, seconds] = /^(\d{1,15}) bytes .*copied, ([\d.e-]{1,20}) s/m.exec(text) ?? [];
  const rate = Number(bytes) / Number(seconds);
  return rate > 0 && rate <= MAX_RATE ? Math.round(rate) : null;
}

async function recall(file: string, source: string | null): Promise<DiskRates | null> {
  const text = await readFile(file, "utf8").catch(() => "");
  const known = objectOf(jsonIn(text));
  const rate = (name: keyof DiskRates) => wholeNumberOf(textOf(known[name]), MAX_RATE);
  if (known["source"] !== source || rate("writeBytesPerSecond") === null) return null;
  return { writeBytesPerSecond: rate("writeBytesPerSecond"), readBytesPerSecond: rate("readBytesPerSecond") };
}

async function remember(file: string, source: string | null, rates: DiskRates): Promise<void> {
  try {
    await writeFile(`${file}.new`, `${JSON.stringify({ source, ...rates })}\n`, { mode: 0o600 });
    await rename(`${file}.new`, file);
  } catch {
    // It is measured again the next time.
  }
}
