import { systemClock } from "@drover/shared/clock.ts";
import { describe, expect, test } from "vitest";
import { aTool, NO_TOOL } from "../testing/a-tool.ts";
import { readAmd, readIntel } from "./read-other-gpus.ts";
import { createRunTool } from "./run-tool.ts";

const run = createRunTool(systemClock);

describe("AMD's GPUs", () => {
  test("are named as ROCm's libraries name them, from the older tool alone", async () => {
    const rocm = aTool([{ when: "--json", fixture: "rocm/rocm-smi__telegraf__mi100_rocm602.json" }]);
    const { gpus, warnings } = await readAmd(NO_TOOL, rocm.path, run);
    expect(warnings).toEqual([]);
    expect(gpus[1]).toMatchObject({
      id: "GPU-04edfb117a17a07d",
      index: 1,
      vendor: "amd",
      modelName: "MI100",
      memoryBytes: 34342961152,
      driverVersion: "6.3.6",
      pciAddress: "0000:a3:00",
      numaNode: 1,
      powerLimitWatts: 290,
    });
  });

  test("are read from the newer tool alone", async () => {
    const amd = aTool([
      { when: "^static", fixture: "rocm/amd-smi__static__rocm7__wrapped.json" },
      { when: "^list", fixture: "rocm/amd-smi__list.json" },
    ]);
    const { gpus } = await readAmd(amd.path, NO_TOOL, run);
    expect(gpus).toMatchObject([
      { id: "GPU-UUID-123", modelName: "MI300X", memoryBytes: 196592 * 1024 ** 2, driverVersion: "6.12.12" },
    ]);
  });

  test("without an id of their own are told apart by their slot", async () => {
    const rocm = aTool([{ when: "", fixture: "rocm/rocm-smi__telegraf__mi100_rocm571.json" }]);
    const { gpus } = await readAmd(NO_TOOL, rocm.path, run);
    expect(gpus[0]?.id).toBe("amd-0000:1e:00");
    expect(new Set(gpus.map(({ id }) => id)).size).toBe(gpus.length);
  });

  test("that the tool does not find are no GPUs, and its words are kept", async () => {
    const rocm = aTool([
      { when: "", stdout: "", stderr: "ERROR: GPU[0]: driver not initialized (amdgpu not found)\n", exitCode: 2 },
    ]);
    expect(await readAmd(NO_TOOL, rocm.path, run)).toEqual({
      gpus: [],
      faults: [],
      warnings: ["amd: ERROR: GPU[0]: driver not initialized (amdgpu not found)"],
    });
  });

  test("without either tool are not there", async () => {
    expect(await readAmd(NO_TOOL, NO_TOOL, run)).toEqual({ gpus: [], faults: [], warnings: [] });
  });
});

test("Intel's GPUs have memory and driver from the question about each", async () => {
  const xpu = aTool([
    { when: "-d 0", fixture: "xpu/xpu-smi__discovery-d0-j.json" },
    { when: "discovery", fixture: "xpu/xpu-smi__discovery-j.json" },
  ]);
  expect((await readIntel(xpu.path, run)).gpus).toMatchObject([
    {
      id: "00000000-0000-0000-6769-df256e271362",
      vendor: "intel",
      modelName: "Flex-170",
      memoryBytes: 14942253056,
      driverVersion: "XE_1.0.4_23.4.15",
      pciAddress: "0000:4d:00",
    },
  ]);
});
