import { describe, expect, test } from "vitest";
import { formatJoinToken, matchesNamePattern, parseJoinToken } from "./join-token.ts";
import { withoutTokens } from "./token.ts";

const SECRET = "s".repeat(43);

describe("a join token", () => {
  test.each(["f".repeat(43), "system", "plain"])("is read as it was written, with the trust %s", (trust) => {
    const token = { trust, id: "abcdefghij", secret: SECRET };
    expect(parseJoinToken(formatJoinToken(token))).toEqual(token);
  });

  test.each(["", "drv1", `drv1.system.abcdefghij.${SECRET}x`, `drv1.other.abcdefghij.${SECRET}`, `drv_${SECRET}`])(
    "is not %j",
    (text) => {
      expect(parseJoinToken(text)).toBeNull();
    },
  );

  test("is hidden in what is written down, whole or cut", () => {
    const text = formatJoinToken({ trust: "system", id: "abcdefghij", secret: SECRET });
    for (const shown of [text, text.slice(0, -20)])
      expect(withoutTokens(`joins with ${shown}, or not`)).toBe("joins with drv1.(hidden), or not");
  });
});

test.each([
  ["gpu-01", "gpu-*", true],
  ["gpu-", "gpu-*", true],
  ["xgpu-01", "gpu-*", false],
  ["gpu-01", "gpu-0?", true],
  ["gpu-011", "gpu-0?", false],
  ["a.b", "a.b", true],
  ["axb", "a.b", false],
  ["a[1]", "a[1]", true],
  ["abxab", "*ab", true],
  ["abxabc", "*ab", false],
  ["", "*", true],
  ["a".repeat(200), `${"*a".repeat(99)}b`, false],
  ["anything", null, true],
])("the name %s and the pattern %s: %s", (name, pattern, expected) => {
  expect(matchesNamePattern(name, pattern)).toBe(expected);
});
