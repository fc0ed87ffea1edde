import { GpuDevice } from "@drover/shared/domain/gpu.ts";
import { expect, test } from "vitest";
import { someFiles } from "../../testing/some-files.ts";
import { readAmdLoads } from "./amd-load.ts";

const GPU = GpuDevice.parse({
  id: "GPU-1",
  index: 0,
  vendor: "amd",
  model: "MI100",
  memoryBytes: null,
  driverVersion: null,
  pciAddress: "0000:83:00",
});
const FOLDER = "/sys/bus/pci/devices/0000:83:00.0";

const ownerOf = (pid: number) => ({ user: "eve", command: `python3 ${pid}`, attemptId: null });

test("who holds memory of AMD's GPUs is what their compute driver's files say", () => {
  const other = GpuDevice.parse({ ...GPU, id: "GPU-2", index: 1, pciAddress: "0001:c1:00" });
  const kfd = "/sys/class/kfd/kfd";
  const files = someFiles({
    [`${kfd}/topology/nodes/0/gpu_id`]: "0\n",
    [`${kfd}/topology/nodes/0/properties`]: "cpu_cores_count 64\nlocation_id 0\ndomain 0\n",
    [`${kfd}/topology/nodes/1/gpu_id`]: "30381\n",
    [`${kfd}/topology/nodes/1/properties`]: "simd_count 480\nlocation_id 33536\ndomain 0\n",
    [`${kfd}/topology/nodes/2/gpu_id`]: "9172\n",
    [`${kfd}/topology/nodes/2/properties`]: "simd_count 480\nlocation_id 49408\ndomain 1\n",
    [`${kfd}/proc/1557/vram_30381`]: "1610571776\n",
    [`${kfd}/proc/1557/vram_9172`]: "0\n",
    [`${kfd}/proc/1600/vram_9172`]: "4096\n",
  });
  const loads = readAmdLoads(files, [GPU, other], ownerOf);
  expect(loads.map(({ id, processes }) => [id, processes])).toEqual([
    [
      "GPU-1",
      [
        {
          pid: 1557,
          memoryBytes: 1610571776,
          user: "eve",
          command: "python3 1557",
          attemptId: null,
          migInstanceId: null,
        },
      ],
    ],
    [
      "GPU-2",
      [{ pid: 1600, memoryBytes: 4096, user: "eve", command: "python3 1600", attemptId: null, migInstanceId: null }],
    ],
  ]);
});

test("the load of AMD's GPUs is what their driver's files say, in its units", () => {
  const files = someFiles({
    [`${FOLDER}/gpu_busy_percent`]: "42\n",
    [`${FOLDER}/mem_info_vram_used`]: "6750208\n",
    [`${FOLDER}/hwmon/hwmon3/temp1_input`]: "53000\n",
    [`${FOLDER}/hwmon/hwmon3/temp2_input`]: "55000\n",
    [`${FOLDER}/hwmon/hwmon3/power1_average`]: "36000000\n",
    [`${FOLDER}/hwmon/hwmon3/freq1_input`]: "1402000000\n",
  });
  expect(readAmdLoads(files, [GPU], ownerOf)).toMatchObject([
    {
      id: "GPU-1",
      utilizationPercent: 42,
      memoryUsedBytes: 6750208,
      temperatureCelsius: 55,
      powerWatts: 36,
      smClockMhz: 1402,
    },
  ]);
});

test("a card whose files are gone has no load", () => {
  expect(readAmdLoads(someFiles({}), [GPU], ownerOf)).toMatchObject([{ utilizationPercent: null, powerWatts: null }]);
});
