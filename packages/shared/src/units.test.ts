import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ByteSize, Duration, formatBytes, formatDuration, parseBytes, parseDurationMs } from "./units.ts";

describe("parseBytes", () => {
  it.each([
    ["0B", 0],
    ["512B", 512],
    ["1KiB", 1024],
    ["1kb", 1000],
    ["512MiB", 536_870_912],
    ["1.5 GB", 1_500_000_000],
    ["64GiB", 68_719_476_736],
    ["64 gib", 68_719_476_736],
    [" 2TiB ", 2_199_023_255_552],
  ])("reads %s as %d", (text, bytes) => {
    expect(parseBytes(text)).toBe(bytes);
  });

  it.each([
    "",
    "lots",
    "64",
    "64G",
    "-1GiB",
    "1e9B",
    "GiB",
    "1.GiB",
    ".5GiB",
    "1 GiB GiB",
    "0x10B",
    "9999999999TiB",
    "1/2GiB",
  ])("refuses %j", (text) => {
    expect(parseBytes(text)).toBeNull();
  });
});

describe("parseDurationMs", () => {
  it.each([
    ["0s", 0],
    ["500ms", 500],
    ["90s", 90_000],
    ["90m", 5_400_000],
    ["1h30m", 5_400_000],
    ["1.5h", 5_400_000],
    ["2D", 172_800_000],
    [" 1d2h3m4s5ms ", 93_784_005],
  ])("reads %s as %d", (text, durationMs) => {
    expect(parseDurationMs(text)).toBe(durationMs);
  });

  it.each(["", "90", "soon", "-5m", "5 m", "1h 30m", "m", "1.m", "1w", "99999999999999999d"])("refuses %j", (text) => {
    expect(parseDurationMs(text)).toBeNull();
  });
});

describe("formatBytes", () => {
  it.each([
    [0, "0 B"],
    [1023, "1023 B"],
    [1024, "1 KiB"],
    [1536, "1.5 KiB"],
    [10_240, "10 KiB"],
    [68_719_476_736, "64 GiB"],
    [5_000_000_000_000, "4.5 TiB"],
  ])("writes %d as %s", (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text);
  });

  it("is read back to within a twentieth", () => {
    fc.assert(
      fc.property(fc.nat({ max: 8000 * 1024 ** 4 }), (bytes) => {
        const readBack = parseBytes(formatBytes(bytes));
        expect(Math.abs((readBack ?? Number.NaN) - bytes)).toBeLessThanOrEqual(bytes * 0.05);
      }),
    );
  });
});

describe("formatDuration", () => {
  it.each([
    [0, "0ms"],
    [450, "450ms"],
    [1500, "1.5s"],
    [42_000, "42s"],
    [60_000, "1m"],
    [5_400_000, "1h30m"],
    [86_400_000, "1d"],
    [90_061_000, "1d1h"],
  ])("writes %d as %s", (durationMs, text) => {
    expect(formatDuration(durationMs)).toBe(text);
  });

  it("is read back to within a twentieth, or a second", () => {
    fc.assert(
      fc.property(fc.nat({ max: 10 * 365 * 86_400_000 }), (durationMs) => {
        const readBack = parseDurationMs(formatDuration(durationMs));
        const allowed = Math.max(durationMs * 0.05, 1000);
        expect(Math.abs((readBack ?? Number.NaN) - durationMs)).toBeLessThanOrEqual(allowed);
      }),
    );
  });
});

describe("the schemas", () => {
  it("take a number for what it is and a text for what it says", () => {
    expect(ByteSize.parse(1024)).toBe(1024);
    expect(ByteSize.parse("1KiB")).toBe(1024);
    expect(Duration.parse(60_000)).toBe(60_000);
    expect(Duration.parse("1m")).toBe(60_000);
  });

  it("never throw, whatever the text", () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(ByteSize.safeParse(text).success).toBe(parseBytes(text) !== null);
        expect(Duration.safeParse(text).success).toBe(parseDurationMs(text) !== null);
      }),
    );
  });

  it("say what a size looks like", () => {
    expect(ByteSize.safeParse("lots").error?.issues[0]?.message).toBe(
      '"lots" is not a size; say its unit, such as "512MiB" or "64GiB" (a bare number in a file counts bytes)',
    );
  });
});
