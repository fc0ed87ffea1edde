import { GpuDevice } from "@drover/shared/domain/gpu.ts";
import { GpuLoad } from "@drover/shared/domain/gpu-load.ts";
import { NodeLoad } from "@drover/shared/domain/node.ts";
import { describe, expect, test } from "vitest";
import { aNode } from "../testing/builders.ts";
import { loadFields, renderGpuLoads } from "./load.ts";

const GIB = 1024 ** 3;
const H100 = GpuDevice.parse({
  id: "GPU-1",
  index: 0,
  model: "NVIDIA H100 80GB HBM3",
  memoryBytes: 80 * GIB,
  driverVersion: null,
  powerLimitWatts: 700,
});
const LOAD: GpuLoad = {
  id: "GPU-1",
  utilizationPercent: 97,
  memoryUsedBytes: 60 * GIB,
  temperatureCelsius: 71,
  powerWatts: 655.2,
  smClockMhz: 1410,
  throttleReasons: ["softwarePowerCap"],
  migInstances: [],
  processes: [
    {
      pid: 41,
      memoryBytes: 50 * GIB,
      command: "python3 t.py",
      user: "ml",
      attemptId: "12.0.1-k7q2mx",
      migInstanceId: null,
    },
    { pid: 42, memoryBytes: null, command: "python3 x.py", user: "eve", attemptId: null, migInstanceId: null },
  ],
};

describe("the load of GPUs", () => {
  test("is a row for each, and says whose its processes are", () => {
    expect(renderGpuLoads([H100], [LOAD], null)).toMatchInlineSnapshot(`
      "GPU  USED         MEMORY   TEMP        POWER     CLOCK  SLOWED BY         PROCESSES
        0  97 %  60 GiB/80 GiB  71 °C  655 W/700 W  1410 MHz  softwarePowerCap  41 50 GiB attempt 12.0.1-k7q2mx; 42 ? eve: python3 x.py
      "
    `);
  });

  test("that is not known is shown as such", () => {
    const nothing = GpuLoad.parse({
      ...LOAD,
      utilizationPercent: null,
      memoryUsedBytes: null,
      temperatureCelsius: null,
      powerWatts: null,
      smClockMhz: null,
      throttleReasons: [],
      processes: [],
    });
    expect(renderGpuLoads([H100], [nothing], null)).toMatchInlineSnapshot(`
      "GPU  USED    MEMORY  TEMP    POWER  CLOCK  SLOWED BY  PROCESSES
        0     -  ?/80 GiB     -  ?/700 W      -  -          -
      "
    `);
    expect(renderGpuLoads([H100], [], null)).toBe("");
  });
});

test("the load of a machine names CPU, memory, pressure, disk and network", () => {
  const load = NodeLoad.parse({
    load1: 3.456,
    memoryAvailableBytes: 32 * GIB,
    dataDiskFreeBytes: 1,
    cpuUsedMilli: 2500,
    swapUsedBytes: GIB,
    pressure: { cpuPercent: 12.5, memoryPercent: 0, ioPercent: 3 },
    rates: {
      diskReadBytesPerSecond: 1024 ** 2,
      diskWriteBytesPerSecond: 0,
      networkReceiveBytesPerSecond: 2 * 1024 ** 2,
      networkSendBytesPerSecond: 512,
    },
  });
  expect(loadFields(load, aNode().hardware)).toEqual([
    ["load", "3.46, 2.5 of 16 CPUs busy"],
    ["memory free", "32 GiB, 1 GiB of swap used"],
    ["pressure", "CPU 12.5 %, memory 0 %, disk 3 %"],
    ["disk I/O", "1 MiB/s read, 0 B/s written"],
    ["network I/O", "2 MiB/s received, 512 B/s sent"],
  ]);
});
