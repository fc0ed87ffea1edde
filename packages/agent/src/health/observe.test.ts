import type { GpuFault } from "@drover/shared/domain/gpu.ts";
import type { GpuProcess } from "@drover/shared/domain/gpu-load.ts";
import { describe, expect, test } from "vitest";
import { GIB, someGpuLoad, someHardware, someLoad } from "../testing/some-hardware.ts";
import { observeHealth, type HealthFacts, type LiveGpus } from "./observe.ts";

const WELL: HealthFacts = {
  hardware: someHardware(2),
  load: someLoad(),
  liveGpus: { hasSettled: true, isHanging: false, heardGpuIds: ["GPU-0", "GPU-1"], faults: [] },
  xidFaults: [],
  dataDisk: { sizeBytes: 1000 * GIB, freeBytes: 500 * GIB, isReadOnly: false },
  clockOffsetMs: 20,
  foreignGpuUse: "leave-out",
};

function observed(facts: Partial<HealthFacts>): string[] {
  return observeHealth({ ...WELL, ...facts }).map(({ gpuId, code }) => `${gpuId ?? "node"} ${code}`);
}

function live(fields: Partial<LiveGpus>): LiveGpus {
  return { hasSettled: true, isHanging: false, heardGpuIds: ["GPU-0", "GPU-1"], faults: [], ...fields };
}

function fault(fields: Partial<GpuFault>): GpuFault {
  return { gpuId: null, pciAddress: null, code: "gpuLost", evidence: "seen", ...fields };
}

function holder(fields: Partial<GpuProcess> = {}): GpuProcess {
  const process = { pid: 41, memoryBytes: GIB, command: "python3", user: "eve", attemptId: null, migInstanceId: null };
  return { ...process, ...fields };
}

describe("what is observed", () => {
  test("of a node that is well is nothing", () => {
    expect(observed({})).toEqual([]);
  });

  test("is laid to the GPU that it concerns, by its id or its place", () => {
    expect(observed({ liveGpus: live({ faults: [fault({ gpuId: "GPU-1", code: "gpuRequiresReset" })] }) })).toEqual([
      "GPU-1 gpuRequiresReset",
    ]);
    expect(observed({ xidFaults: [fault({ pciAddress: "0000:10:00", code: "xidReset" })] })).toEqual([
      "GPU-0 xidReset",
    ]);
  });

  test("of a GPU that nobody knows is the node's", () => {
    expect(observed({ xidFaults: [fault({ pciAddress: "0000:77:00", code: "xidReboot" })] })).toEqual([
      "node gpuFault",
    ]);
  });

  test("by an old probe does not count of a GPU that is heard now", () => {
    const hardware = someHardware(2, { gpuFaults: [fault({ gpuId: "GPU-0", code: "unknownError" })] });
    expect(observed({ hardware })).toEqual([]);
    expect(observed({ hardware, liveGpus: null })).toEqual(["GPU-0 unknownError"]);
  });

  test("of a GPU that falls silent among others is its silence, once all must have spoken", () => {
    expect(observed({ liveGpus: live({ heardGpuIds: ["GPU-0"] }) })).toEqual(["GPU-1 gpuSilent"]);
    expect(observed({ liveGpus: live({ heardGpuIds: ["GPU-0"], hasSettled: false }) })).toEqual([]);
  });

  test.for(["driverNotLoaded", "driverMismatch", "nvmlUnknownError", "toolHangs"])(
    "of a driver with %s concerns the node, and every GPU of it",
    (code) => {
      const hardware = someHardware(2, { gpuFaults: [fault({ code })] });
      expect(observed({ hardware, liveGpus: live({ heardGpuIds: [], hasSettled: false }) })).toEqual([
        `node ${code}`,
        "GPU-0 driverUnusable",
        "GPU-1 driverUnusable",
      ]);
    },
  );

  test("of a tool that hangs takes all GPUs out", () => {
    expect(observed({ liveGpus: live({ isHanging: true }) })).toEqual([
      "node toolHangs",
      "GPU-0 driverUnusable",
      "GPU-1 driverUnusable",
    ]);
  });

  test("of a driver that finds no GPU is nothing: it may be right", () => {
    expect(
      observed({ hardware: someHardware(0, { gpuFaults: [fault({ code: "noDevices" })] }), liveGpus: null }),
    ).toEqual([]);
  });

  test.for([
    ["a process that is not ours", [holder()], ["GPU-0 foreignUse"]],
    ["a process of which nobody says how much it holds", [holder({ memoryBytes: null })], ["GPU-0 foreignUse"]],
    ["a process of an attempt", [holder({ attemptId: "1.0.1-aaaaaa" })], []],
    ["a desktop", [holder({ memoryBytes: 25 * 1024 ** 2 })], []],
    ["a number that means nothing in this container", [holder({ user: null })], []],
    ["a process that the driver does not name", [holder({ pid: null, user: null })], []],
  ] as const)("of %s on a GPU is %j", ([, processes, expected]) => {
    const load = someLoad({ gpus: [someGpuLoad("GPU-0", { processes: [...processes] })] });
    expect(observed({ load })).toEqual(expected);
    expect(observed({ load, foreignGpuUse: "ignore" })).toEqual([]);
    expect(observed({ load, foreignGpuUse: "share" })).toEqual(expected.map(() => "GPU-0 foreignShare"));
  });

  test("of heat and of a weak power supply is what slows the GPU", () => {
    const gpus = [
      someGpuLoad("GPU-0", { throttleReasons: ["hardwareThermal"] }),
      someGpuLoad("GPU-1", { throttleReasons: ["powerBrake", "softwarePowerCap"] }),
    ];
    expect(observed({ load: someLoad({ gpus }) })).toEqual(["GPU-0 thermalThrottle", "GPU-1 powerBrake"]);
  });

  test.for([
    [{ freeBytes: 15 * GIB }, ["node diskFilling"]],
    [{ sizeBytes: 10 * GIB, freeBytes: 0.9 * GIB }, ["node diskFilling"]],
    [{ freeBytes: 1024 }, ["node diskFull"]],
    [{ isReadOnly: true }, ["node diskReadOnly"]],
  ] as const)("of a disk with %j is %j", ([disk, expected]) => {
    expect(observed({ dataDisk: { ...WELL.dataDisk, ...disk } })).toEqual(expected);
  });

  test("of memory that everybody waits for, and of a clock that is wrong, is the node's", () => {
    const pressure = { cpuPercent: 90, memoryPercent: 35, ioPercent: 0 };
    expect(observed({ load: someLoad({ pressure }) })).toEqual(["node memoryPressure"]);
    expect(observed({ clockOffsetMs: 5_001 })).toEqual(["node clockSkew"]);
    expect(observed({ clockOffsetMs: -60_000 })).toEqual(["node clockSkew"]);
    expect(observed({ clockOffsetMs: 4_900 })).toEqual([]);
    expect(observed({ clockOffsetMs: null })).toEqual([]);
  });
});
