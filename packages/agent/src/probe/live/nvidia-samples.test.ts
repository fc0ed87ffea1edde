import { GpuDevice } from "@drover/shared/domain/gpu.ts";
import { describe, expect, test } from "vitest";
import { NvidiaSamples, SAMPLE_INTERVAL_MS } from "./nvidia-samples.ts";

const FIELDS = ["index", "uuid", "memory.used", "utilization.gpu", "clocks_event_reasons.active"];
const GPUS = [0, 1].map((index) =>
  GpuDevice.parse({ id: `GPU-${index}`, index, model: "H100", memoryBytes: null, driverVersion: null }),
);
const nobody = () => ({ user: null, command: null, attemptId: null });

describe("lines of the watched nvidia-smi", () => {
  test("make the load of each GPU, and of a process what its owner is", () => {
    const samples = new NvidiaSamples();
    samples.takeGpuLine("0, GPU-0, 1024, 87, 0x0000000000000004", FIELDS, 0);
    samples.takeGpuLine("1, GPU-1, 0, [N/A], 0x0000000000000001", FIELDS, 0);
    samples.takeProcessLine("GPU-0, 41, python3, with, commas, 512", 0);
    const owner = { user: "ml", command: "python3 train.py", attemptId: "1.0.1-aaaaaa" };
    expect(samples.loads(GPUS, (pid) => (pid === 41 ? owner : nobody()), 0)).toMatchObject([
      {
        id: "GPU-0",
        utilizationPercent: 87,
        memoryUsedBytes: 1024 ** 3,
        throttleReasons: ["softwarePowerCap"],
        processes: [{ pid: 41, memoryBytes: 512 * 1024 ** 2, ...owner, migInstanceId: null }],
      },
      { id: "GPU-1", utilizationPercent: null, memoryUsedBytes: 0, throttleReasons: [], processes: [] },
    ]);
  });

  test("count until they were not repeated for long enough", () => {
    const samples = new NvidiaSamples();
    samples.takeGpuLine("0, GPU-0, 1024, 87, 0x0", FIELDS, 0);
    samples.takeProcessLine("GPU-0, 41, python3, 512", 0);
    samples.takeGpuLine("0, GPU-0, 1024, 90, 0x0", FIELDS, SAMPLE_INTERVAL_MS);
    const later = SAMPLE_INTERVAL_MS * 3;
    expect(samples.loads(GPUS, nobody, later)[0]).toMatchObject({ utilizationPercent: 90, processes: [] });
    expect(samples.loads(GPUS, nobody, SAMPLE_INTERVAL_MS * 7)[0]).toMatchObject({ utilizationPercent: null });
  });

  test("of the table say which instance of a split GPU a process is in, and what it holds", () => {
    const migInstances = [
      { id: "MIG-a", profile: "3g.40gb", gpuInstance: 2, computeInstance: 0, memoryBytes: null },
      { id: "MIG-b", profile: "1g.10gb", gpuInstance: 9, computeInstance: 0, memoryBytes: null },
    ];
    const split = GpuDevice.parse({ ...GPUS[0], isMigEnabled: true, migInstances });
    const samples = new NvidiaSamples();
    samples.takeProcessLine("GPU-0, 21180, /root/tools/memhog, [N/A]", 0);
    for (const line of [
      "|  0    2   0   0  |           11091MiB / 40448MiB    | 60      0 |  3   0    3    0    3 |",
      "|  0    9   0   1  |               9MiB /  9984MiB    | 16      0 |  1   0    1    0    1 |",
      "|    0    2    0            21180      C   /root/tools/memhog                     2296MiB |",
    ])
      samples.takeTableLine(line, 0);
    expect(samples.loads([split], nobody, 0)).toMatchObject([
      {
        migInstances: [
          { id: "MIG-a", memoryUsedBytes: 11091 * 1024 ** 2 },
          { id: "MIG-b", memoryUsedBytes: 9 * 1024 ** 2 },
        ],
        processes: [{ pid: 21180, migInstanceId: "MIG-a" }],
      },
    ]);
  });

  test("about other GPUs, or damaged, change nothing", () => {
    const samples = new NvidiaSamples();
    samples.takeGpuLine("5, GPU-5, 1, 1, 0x0", FIELDS, 0);
    samples.takeGpuLine("0, GPU-0, 1", FIELDS, 0);
    samples.takeProcessLine("nonsense", 0);
    samples.takeTableLine("|===|", 0);
    expect(samples.loads(GPUS, nobody, 0).every((load) => load.memoryUsedBytes === null)).toBe(true);
  });
});
