import { describe, expect, test } from "vitest";
import { parseNvidiaSmi, readGpus } from "./gpus.ts";

// Lines as real drivers print them (H100 590.48.01, RTX 2080 SUPER 610.57.04), cut to our five fields.
const H100 = "0, GPU-ddb16622-80d1-5e78-5bf7-a0ecfd723d0a, NVIDIA H100 80GB HBM3, 81559, 590.48.01";
const RTX = "1, GPU-4ce12868-fd2c-46a5-1451-877de5670d53, NVIDIA GeForce RTX 2080 SUPER, 8192, 610.57.04";

describe("what nvidia-smi says", () => {
  test("is one GPU per line, memory in MiB", () => {
    expect(parseNvidiaSmi(`${H100}\n${RTX}\n`)).toEqual({
      gpus: [
        {
          id: "GPU-ddb16622-80d1-5e78-5bf7-a0ecfd723d0a",
          index: 0,
          model: "NVIDIA H100 80GB HBM3",
          memoryBytes: 81559 * 1024 * 1024,
          driverVersion: "590.48.01",
        },
        {
          id: "GPU-4ce12868-fd2c-46a5-1451-877de5670d53",
          index: 1,
          model: "NVIDIA GeForce RTX 2080 SUPER",
          memoryBytes: 8192 * 1024 * 1024,
          driverVersion: "610.57.04",
        },
      ],
      warnings: [],
    });
  });

  test.for(["[Insufficient Permissions]", "[N/A]", "N/A", "[GPU requires reset]", "[Unknown Error]", "ERR!"])(
    "with %s for the memory is a GPU of unknown memory, not of none",
    (placeholder) => {
      const reading = parseNvidiaSmi(H100.replace("81559", placeholder));
      expect(reading.gpus).toMatchObject([{ memoryBytes: null }]);
    },
  );

  test("about a GPU without an id is a warning: it could not be given to a task", () => {
    const reading = parseNvidiaSmi(`${H100}\n1, [GPU is lost], NVIDIA H100 80GB HBM3, 81559, 590.48.01`);
    expect(reading.gpus).toHaveLength(1);
    expect(reading.warnings).toEqual(["nvidia-smi: 1, [GPU is lost], NVIDIA H100 80GB HBM3, 81559, 590.48.01"]);
  });

  test("about two GPUs with one id counts once", () => {
    expect(parseNvidiaSmi(`${H100}\n${H100}`)).toMatchObject({
      gpus: [{ index: 0 }],
      warnings: [expect.stringContaining("two GPUs")],
    });
  });

  test("with carriage returns is the same", () => {
    expect(parseNvidiaSmi(`${H100}\r\n`).gpus).toHaveLength(1);
  });
});

describe("a machine", () => {
  const run = { exitCode: 0, timedOut: false, stdout: "", stderr: "" };

  test("without nvidia-smi has no GPUs, and nothing is wrong", () => {
    expect(readGpus(null)).toEqual({ gpus: [], warnings: [] });
  });

  test.for([
    [
      9,
      "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver. Make sure that the latest NVIDIA driver is installed and running.\n",
    ],
    [6, "No devices were found\n"],
    [18, "Failed to initialize NVML: Driver/library version mismatch\nNVML library version: 550.144\n"],
    [255, "Failed to initialize NVML: Unknown Error\n"],
  ] as const)("whose nvidia-smi ends with %i says why", ([exitCode, stdout]) => {
    expect(readGpus({ ...run, exitCode, stdout })).toEqual({
      gpus: [],
      warnings: [`nvidia-smi: ${stdout.split("\n")[0]}`],
    });
  });

  test("whose driver hangs says so", () => {
    expect(readGpus({ ...run, exitCode: null, timedOut: true }).warnings).toEqual([
      expect.stringContaining("no answer in time"),
    ]);
  });
});
