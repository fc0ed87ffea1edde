import { describe, expect, test } from "vitest";
import { FailedAttempts, networkOf } from "./failed-attempts.ts";

function noteMany(attempts: FailedAttempts, address: string, count: number, nowMs = 0) {
  let last = attempts.note(address, nowMs);
  for (let i = 1; i < count; i++) last = attempts.note(address, nowMs);
  return last;
}

describe("invalid tokens from one address", () => {
  test("are heard ten times a minute, then the address is locked out until the minute is over", () => {
    const attempts = new FailedAttempts();
    expect(noteMany(attempts, "10.0.0.1", 10)).toEqual({ isLockedOut: false });
    expect(attempts.note("10.0.0.1", 1000)).toEqual({ isLockedOut: true, isNew: true, retryAfterMs: 59_000 });
    expect(attempts.note("10.0.0.1", 2000)).toEqual({ isLockedOut: true, isNew: false, retryAfterMs: 58_000 });
    expect(attempts.note("10.0.0.1", 60_000)).toEqual({ isLockedOut: false });
  });

  test("are nothing to another address", () => {
    const attempts = new FailedAttempts();
    noteMany(attempts, "10.0.0.1", 100);
    expect(attempts.note("10.0.0.2", 0)).toEqual({ isLockedOut: false });
  });

  test("take no more memory from twenty thousand addresses than from ten thousand", () => {
    const attempts = new FailedAttempts();
    for (let i = 0; i < 20_000; i++) attempts.note(`10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`, 0);
    expect(attempts.addressCount).toBe(10_000);
  });
});

test.each([
  ["192.0.2.7", "192.0.2.7"],
  ["::ffff:192.0.2.7", "192.0.2.7"],
  ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
  ["2001:db8:1:2::9", "2001:db8:1:2::/64"],
  ["2001:db8::1:2:3:4:5", "2001:db8:0:1::/64"],
  ["fe80::1%eth0", "fe80:0:0:0::/64"],
  ["::1", "0:0:0:0::/64"],
  ["unknown", "unknown"],
])("%s counts as %s", (address, network) => {
  expect(networkOf(address)).toBe(network);
});
