import { expect, test } from "vitest";
import { JobSubmission, toJobSpec } from "./job.ts";
import { formatResources } from "./format-resources.ts";

const GIB = 1024 ** 3;

function requestOf(resources: object) {
  return toJobSpec(JobSubmission.parse({ command: ["true"], resources: { cpus: 0, memory: 0, ...resources } }))
    .resources;
}

test.each([
  [{}, { gpuCount: 0, gpuMilli: 1000, gpuMemoryBytes: null, gpuModels: [], gpuMemoryMinBytes: 0 }, "nothing"],
  [{ gpus: 0 }, { gpuCount: 0, gpuMilli: 1000 }, "nothing"],
  [{ gpus: 2 }, { gpuCount: 2, gpuMilli: 1000, gpuModels: [] }, "2 GPUs"],
  [{ gpus: 0.25 }, { gpuCount: 1, gpuMilli: 250 }, "0.25 of a GPU"],
  [{ gpus: 0.333 }, { gpuCount: 1, gpuMilli: 333 }, "0.333 of a GPU"],
  [{ gpuMemory: "10GiB" }, { gpuCount: 1, gpuMilli: 1000, gpuMemoryBytes: 10 * GIB }, "10 GiB of a GPU"],
  [{ gpus: { model: "H100" } }, { gpuCount: 1, gpuMilli: 1000, gpuModels: ["H100"] }, "1 GPU (H100)"],
  [
    { gpus: { count: 2, model: ["A100-80GB", "H100"], memory: ">=40GiB" } },
    { gpuCount: 2, gpuModels: ["A100-80GB", "H100"], gpuMemoryMinBytes: 40 * GIB },
    "2 GPUs (A100-80GB or H100, with 40 GiB or more)",
  ],
  [
    { gpus: { count: 0.5, memory: "40GiB" } },
    { gpuMilli: 500, gpuMemoryMinBytes: 40 * GIB },
    "0.5 of a GPU (with 40 GiB or more)",
  ],
  [
    { gpus: { model: ["L40S"] }, gpuMemory: "4GiB" },
    { gpuCount: 1, gpuMemoryBytes: 4 * GIB, gpuModels: ["L40S"] },
    "4 GiB of a GPU (L40S)",
  ],
])("%j is a request of exact amounts", (resources, request, text) => {
  expect(requestOf(resources)).toMatchObject(request);
  expect(formatResources(requestOf(resources))).toBe(text);
});
