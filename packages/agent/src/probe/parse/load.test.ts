import { expect, test } from "vitest";
import { parseCpuTicks, parseDiskBytes, parseNetworkBytes, parsePressure, parseSwapUsed } from "./load.ts";

test("busy processors are all ticks but those idle and waiting", () => {
  const stat = "cpu  100 5 50 800 40 0 5 0 7 0\ncpu0 1 1 1 1 1\n";
  expect(parseCpuTicks(stat)).toEqual({ busy: 160, total: 1000 });
  expect(parseCpuTicks("")).toBeNull();
});

test("the bytes of disks are those of whole disks, not of their parts or of loops", () => {
  const stats = `   7       0 loop0 1 0 99 0 1 0 99 0 0 0 0
 259       0 nvme0n1 10 0 100 0 20 0 200 0 0 0 0
 259       1 nvme0n1p1 10 0 100 0 20 0 200 0 0 0 0
   8       0 sda 1 0 8 0 1 0 16 0 0 0 0
 253       0 dm-0 1 0 8 0 1 0 16 0 0 0 0`;
  expect(parseDiskBytes(stats)).toEqual({ read: 108 * 512, written: 216 * 512 });
});

test("the bytes of networks are those of real links", () => {
  const netDev = `Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo: 900 1 0 0 0 0 0 0 900 1 0 0 0 0 0 0
  eth0: 1000 1 0 0 0 0 0 0 300 1 0 0 0 0 0 0
docker0: 50 1 0 0 0 0 0 0 50 1 0 0 0 0 0 0
 ens5np0:20 1 0 0 0 0 0 0 10 1 0 0 0 0 0 0`;
  expect(parseNetworkBytes(netDev)).toEqual({ received: 1020, sent: 310 });
});

test.for([
  ["some avg10=12.34 avg60=0.00 avg300=0.00 total=0\nfull avg10=99.00", 12.34],
  ["", null],
  [null, null],
] as const)("pressure %j is %s", ([text, percent]) => {
  expect(parsePressure(text)).toBe(percent);
});

test("swap that is used is what is not free", () => {
  expect(parseSwapUsed("SwapTotal:       2048 kB\nSwapFree:        1024 kB\n")).toBe(1024 * 1024);
  expect(parseSwapUsed("")).toBeNull();
});
