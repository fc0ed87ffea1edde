import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "@drover/shared/clock.ts";
import { BYTES_PER_GIB } from "@drover/shared/units.ts";
import { afterEach, beforeEach, expect, test } from "vitest";
import { NO_RATES, parseDdRate, readDiskRates } from "./disk-rates.ts";
import { createRunTool } from "./run-tool.ts";

let dataDir: string;
beforeEach(() => (dataDir = mkdtempSync(join(tmpdir(), "drover-rates-"))));
afterEach(() => rmSync(dataDir, { recursive: true }));

function rates(fields: { mayMeasure?: boolean; source?: string; freeBytes?: number; dataDir?: string } = {}) {
  const usual = { dataDir, source: "/dev/vda", freeBytes: 2 * BYTES_PER_GIB, mayMeasure: false };
  return readDiskRates({ ...usual, ...fields, run: createRunTool(systemClock), clock: systemClock });
}

test("a disk is measured once, when that may be, and then remembered", async () => {
  expect(await rates()).toEqual(NO_RATES);
  const measured = await rates({ mayMeasure: true });
  expect(measured.writeBytesPerSecond).toBeGreaterThan(0);
  expect(existsSync(join(dataDir, "disk-rates.trial"))).toBe(false);
  const file = readFileSync(join(dataDir, "disk-rates"), "utf8");
  expect(await rates()).toEqual(measured);
  expect(await rates({ mayMeasure: true })).toEqual(measured);
  expect(readFileSync(join(dataDir, "disk-rates"), "utf8")).toBe(file);
  // Another disk is mounted there now.
  expect(await rates({ source: "/dev/vdb" })).toEqual(NO_RATES);
});

test("a disk that is nearly full, or that cannot be written, is left alone", async () => {
  expect(await rates({ mayMeasure: true, freeBytes: BYTES_PER_GIB / 2 })).toEqual(NO_RATES);
  expect(await rates({ mayMeasure: true, dataDir: join(dataDir, "gone") })).toEqual(NO_RATES);
});

test.for([
  ["67108864 bytes (67 MB, 64 MiB) copied, 0.0312 s, 2.1 GB/s", 2150925128],
  ["64+0 records in\n64+0 records out\n67108864 bytes (67 MB, 64 MiB) copied, 1.5e-02 s, 4.5 GB/s", 4473924267],
  ["67108864 bytes (64.0MB) copied, 2.000000 seconds, 32.0MB/s", 33554432],
  ["0 bytes copied, 0.0001 s, 0.0 kB/s", null],
  ["dd: failed to open: Invalid argument", null],
] as const)("the rate of dd is in %j", ([text, rate]) => {
  expect(parseDdRate(text)).toBe(rate);
});
