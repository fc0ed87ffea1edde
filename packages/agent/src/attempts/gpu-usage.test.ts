import { GpuDevice } from "@drover/shared/domain/gpu.ts";
import { expect, test } from "vitest";
import { formatGpuTally, parseGpuTally } from "../spool/gpu-tally.ts";
import { GIB, someGpuLoad, someHardware } from "../testing/some-hardware.ts";
import { NOTHING_TALLIED, tallyWith, usageOf } from "./gpu-usage.ts";

const { gpus } = someHardware(2);
const BOTH = ["GPU-0", "GPU-1"];

test("the usage of GPUs is their mean and peak over time, of all of them together, and the energy that they took", () => {
  const idle = [
    someGpuLoad("GPU-0", { powerWatts: 60, memoryUsedBytes: GIB }),
    someGpuLoad("GPU-1", { powerWatts: 60 }),
  ];
  const busy = [
    someGpuLoad("GPU-0", { utilizationPercent: 100, powerWatts: 400, memoryUsedBytes: 70 * GIB }),
    someGpuLoad("GPU-1", { utilizationPercent: 60, powerWatts: 300, memoryUsedBytes: 10 * GIB }),
  ];
  let tally = tallyWith(NOTHING_TALLIED, BOTH, gpus, idle, 5_000);
  tally = tallyWith(tally, BOTH, gpus, busy, 5_000);
  tally = tallyWith(tally, BOTH, gpus, busy, 10_000);
  expect(usageOf(tally)).toEqual({
    measuredMs: 20_000,
    utilizationMeanPercent: 60,
    utilizationPeakPercent: 80,
    memoryPeakBytes: 80 * GIB,
    memoryTotalBytes: 160 * GIB,
    energyJoules: 120 * 5 + 700 * 15,
  });
  expect(parseGpuTally(formatGpuTally(tally))).toEqual(tally);
});

test("what a tool does not say is not known, and nothing was used where nobody looked", () => {
  const silent = someGpuLoad("GPU-0", { utilizationPercent: null, powerWatts: null, memoryUsedBytes: null });
  const tally = tallyWith(NOTHING_TALLIED, ["GPU-0"], gpus, [silent], 5_000);
  expect(usageOf(tally)).toMatchObject({
    measuredMs: 5_000,
    utilizationMeanPercent: null,
    memoryPeakBytes: null,
    energyJoules: null,
  });
  expect(usageOf(NOTHING_TALLIED)).toBeNull();
  expect(usageOf(tallyWith(NOTHING_TALLIED, ["GPU-0"], [], [], 0))).toBeNull();
});

test("a look after a long sleep does not count the whole of it", () => {
  const tally = tallyWith(NOTHING_TALLIED, ["GPU-0"], gpus, [someGpuLoad("GPU-0", { powerWatts: 100 })], 3_600_000);
  expect(usageOf(tally)).toMatchObject({ measuredMs: 15_000, energyJoules: 1_500 });
});

test("of an instance of a split GPU only the memory is its own", () => {
  const instance = { id: "MIG-1", profile: "3g.40gb", gpuInstance: 1, computeInstance: 0, memoryBytes: 40 * GIB };
  const split = [GpuDevice.parse({ ...gpus[0], isMigEnabled: true, migInstances: [instance] })];
  const load = someGpuLoad("GPU-0", { migInstances: [{ id: "MIG-1", memoryUsedBytes: 7 * GIB }] });
  expect(usageOf(tallyWith(NOTHING_TALLIED, ["MIG-1"], split, [load], 5_000))).toEqual({
    measuredMs: 5_000,
    utilizationMeanPercent: null,
    utilizationPeakPercent: null,
    memoryPeakBytes: 7 * GIB,
    memoryTotalBytes: 40 * GIB,
    energyJoules: null,
  });
});

test("a tally that is cut off is none", () => {
  expect(parseGpuTally("")).toBeNull();
  expect(parseGpuTally(formatGpuTally(NOTHING_TALLIED).slice(0, 40))).toBeNull();
});
