import { expect, test } from "vitest";
import { createLease } from "./lease.ts";
import { createFakeClock } from "./testing/fake-clock.ts";

function setUp() {
  const clock = createFakeClock();
  const deadlines: number[] = [];
  const lines: string[] = [];
  const disk = { isBroken: false };
  const lease = createLease({
    clock,
    log: (line) => lines.push(line),
    writeDeadline(deadlineMs) {
      if (disk.isBroken) throw new Error("EIO");
      deadlines.push(deadlineMs);
    },
  });
  return { clock, deadlines, lines, lease, disk };
}

test("a lease counts from when the acknowledged message was sent, not from when the answer came", () => {
  const { clock, deadlines, lease } = setUp();
  clock.advanceBy(5_000);
  lease.renew(1_000, 10_000);
  expect(deadlines).toEqual([11_000]);
});

test("a lease is never shortened by an answer that comes late", () => {
  const { deadlines, lease } = setUp();
  lease.renew(2_000, 10_000);
  lease.renew(1_000, 10_000);
  expect(deadlines).toEqual([12_000]);
});

test("a lease that is renewed says nothing, one that runs out says so once", () => {
  const { clock, lines, lease } = setUp();
  for (let i = 0; i < 10; i++) {
    lease.renew(clock.monotonicMs(), 10_000);
    clock.advanceBy(5_000);
  }
  expect(lines).toEqual([]);
  clock.advanceBy(60_000);
  expect(lines).toEqual(["agent.leaseExpired"]);
});

test("a lease that cannot be written down stands as it was, and the next acknowledgement tries again", () => {
  const { deadlines, lines, lease, disk } = setUp();
  lease.renew(1_000, 10_000);
  disk.isBroken = true;
  lease.renew(2_000, 10_000);
  disk.isBroken = false;
  lease.renew(2_000, 10_000);
  expect(deadlines).toEqual([11_000, 12_000]);
  expect(lines).toEqual(["agent.leaseNotWritten"]);
});
