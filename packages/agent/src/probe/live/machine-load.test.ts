import { expect, test } from "vitest";
import { createFakeClock } from "../../testing/fake-clock.ts";
import { someFiles } from "../../testing/some-files.ts";
import { createMachineLoadReader } from "./machine-load.ts";

test("each reading tells what happened since the one before", () => {
  const clock = createFakeClock();
  const texts: Record<string, string> = {
    "/proc/stat": "cpu  0 0 0 1000 0 0 0 0\n",
    "/proc/diskstats": " 8 0 sda 1 0 0 0 1 0 0 0 0 0 0\n",
    "/proc/net/dev": "eth0: 0 1 0 0 0 0 0 0 0 1 0 0 0 0 0 0\n",
  };
  const read = createMachineLoadReader(someFiles(texts), clock, 8);
  texts["/proc/stat"] = "cpu  300 0 100 2600 0 0 0 0\n";
  texts["/proc/diskstats"] = " 8 0 sda 1 0 20480 0 1 0 10240 0 0 0 0\n";
  texts["/proc/net/dev"] = "eth0: 5000 1 0 0 0 0 0 0 500 1 0 0 0 0 0 0\n";
  for (const kind of ["cpu", "memory", "io"])
    texts[`/proc/pressure/${kind}`] = "some avg10=2.50 avg60=0.00 avg300=0.00 total=0\n";
  clock.advanceBy(5_000);
  expect(read()).toEqual({
    cpuUsedMilli: 1600,
    swapUsedBytes: null,
    pressure: { cpuPercent: 2.5, memoryPercent: 2.5, ioPercent: 2.5 },
    rates: {
      diskReadBytesPerSecond: 2 * 1024 ** 2,
      diskWriteBytesPerSecond: 1024 ** 2,
      networkReceiveBytesPerSecond: 1000,
      networkSendBytesPerSecond: 100,
    },
  });
  // A network card that was taken away takes its count with it.
  texts["/proc/net/dev"] = "";
  clock.advanceBy(5_000);
  expect(read().rates?.networkReceiveBytesPerSecond).toBe(0);
});

test("a kernel without these files has no load to tell", () => {
  const clock = createFakeClock();
  const read = createMachineLoadReader(someFiles({}), clock, 8);
  expect(read()).toEqual({ cpuUsedMilli: null, swapUsedBytes: null, pressure: null, rates: null });
});
