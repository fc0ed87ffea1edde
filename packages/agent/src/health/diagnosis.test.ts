import { diagnosisLines } from "@drover/shared/domain/diagnosis.ts";
import { HEALTHY, type NodeHealth } from "@drover/shared/domain/health.ts";
import { describe, expect, test } from "vitest";
import { someGpuLoad, someHardware, someLoad } from "../testing/some-hardware.ts";
import { findingsOf, type DiagnosisFacts } from "./diagnosis.ts";

const HARDWARE = someHardware(1, {
  software: {
    containerRuntimes: [{ name: "docker", version: "27.3.1", hasNvidia: false }],
    driverCudaVersion: "13.1",
    cudaToolkitVersion: null,
    pythonVersion: null,
  },
});
const LOAD = someLoad({ gpus: [someGpuLoad("GPU-0")] });

function renderDiagnosis(facts: DiagnosisFacts): string {
  return `${diagnosisLines({ findings: findingsOf(facts), calls: [] }).join("\n")}\n`;
}

describe("a diagnosis", () => {
  test("has the worst first, with what was seen and what to do, then notes, then what is well", () => {
    const health: NodeHealth = {
      state: "degraded",
      reasons: [{ code: "diskFilling", state: "degraded", evidence: "1 GiB free of 100 GiB", sinceMs: 1 }],
      gpus: [
        {
          gpuId: "GPU-0",
          state: "unhealthy",
          reasons: [{ code: "gpuLost", state: "unhealthy", evidence: "[GPU is lost]", sinceMs: 1 }],
        },
      ],
    };
    const text = renderDiagnosis({ hardware: HARDWARE, load: LOAD, health, canReadKernelLog: false });
    expect(text).toMatchInlineSnapshot(`
      "unhealthy  gpu 0: The GPU fell off the bus. (gpuLost)
                 seen: [GPU is lost]
                 do:   Restart the machine; if it happens again, look at riser, power and slot.
      degraded   node: Less than a fiftieth of the disk with the agent's data is free, or less than a gibibyte. (diskFilling)
                 seen: 1 GiB free of 100 GiB
                 do:   Make room.
      note       the kernel's log may not be read here, so Xids are not seen
      note       docker is installed without NVIDIA's support, so its containers see no GPU
      ok         test, kernel test, x64
      ok         CPU: test, 8 of 8 usable (bound by machine), load 0.00
      ok         memory: 64 GiB of 64 GiB usable, 1 GiB available
      ok         gpu 0: NVIDIA A100-SXM4-80GB, 80 GiB, 0 B used, driver 590.48.01, GPU-0
      ok         CUDA: the driver runs up to 13.1
      ok         docker 27.3.1
      verdict    unhealthy: 1 unhealthy, 1 degraded, 2 note, 6 ok
      "
    `);
  });

  test("of a machine that is well has only what is well", () => {
    const software = { ...HARDWARE.software, containerRuntimes: [] } as typeof HARDWARE.software;
    const text = renderDiagnosis({
      hardware: { ...HARDWARE, software },
      load: LOAD,
      health: HEALTHY,
      canReadKernelLog: true,
    });
    const others = text.split("\n").filter((line) => line !== "" && !line.startsWith("ok "));
    expect(others).toEqual(["verdict    ok: 5 ok"]);
  });
});
