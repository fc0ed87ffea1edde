import { describe, expect, it } from "vitest";
import { MAX_RETRY_AFTER_MS, parseRetryAfter, redirectTarget } from "./source-answers.ts";

const NOW_MS = Date.parse("2026-01-01T00:00:00Z");

describe("how long a source asks to be left alone", () => {
  it.each([
    ["30", 30_000],
    [" 0 ", 0],
    ["Thu, 01 Jan 2026 00:02:00 GMT", 120_000],
    ["Wed, 31 Dec 2025 23:00:00 GMT", 0],
    ["99999999999", MAX_RETRY_AFTER_MS],
    ["Fri, 01 Jan 2100 00:00:00 GMT", MAX_RETRY_AFTER_MS],
    ["soon", null],
    ["", null],
    [undefined, null],
  ])("%s: %s ms", (header, waitMs) => {
    expect(parseRetryAfter(header, NOW_MS)).toBe(waitMs);
  });

  it("is never more than a timer can wait", () => {
    expect(MAX_RETRY_AFTER_MS).toBeLessThan(2 ** 31);
  });
});

describe("where a redirect leads", () => {
  it.each([
    ["https://hub.test/a/b", "/c", "https://hub.test/c"],
    ["https://hub.test/a/b", "c", "https://hub.test/a/c"],
    ["https://hub.test/a", "//cdn.test/x?s=1", "https://cdn.test/x?s=1"],
    ["http://127.0.0.1:80/a", "https://cdn.test/x", "https://cdn.test/x"],
    ["http://127.0.0.1/a", "http://cdn.test/x", "http://cdn.test/x"],
    ["https://hub.test/a", "http://cdn.test/x", undefined],
    ["https://hub.test/a", "file:///etc/passwd", undefined],
    ["https://hub.test/a", "https://", undefined],
  ])("from %s by %s", (from, location, target) => {
    expect(redirectTarget(location, from)?.href).toBe(target);
  });

  it("is nowhere where the answer does not say", () => {
    expect(redirectTarget(undefined, "https://hub.test/a")).toBeNull();
  });
});
