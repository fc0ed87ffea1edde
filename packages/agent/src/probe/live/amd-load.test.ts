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

test("the load of AMD's GPUs is what their driver's files say, in its units", () => {
  const files = someFiles({
    [`${FOLDER}/gpu_busy_percent`]: "42\n",
    [`${FOLDER}/mem_info_vram_used`]: "6750208\n",
    [`${FOLDER}/hwmon/hwmon3/temp1_input`]: "53000\n",
    [`${FOLDER}/hwmon/hwmon3/temp2_input`]: "55000\n",
    [`${FOLDER}/hwmon/hwmon3/power1_average`]: "36000000\n",
    [`${FOLDER}/hwmon/hwmon3/freq1_input`]: "1402000000\n",
  });
  expect(readAmdLoads(files, [GPU])).toMatchObject([
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
  expect(readAmdLoads(someFiles({}), [GPU])).toMatchObject([{ utilizationPercent: null, powerWatts: null }]);
});
