import { GpuDevice } from "@drover/shared/domain/gpu.ts";
import { AttemptId } from "@drover/shared/domain/ids.ts";
import { DEFAULT_RESOURCES } from "@drover/shared/domain/job.ts";
import { describe, expect, test } from "vitest";
import type { CgroupRoots } from "../runtime/open-cgroups.ts";
import { NO_CGROUP_ROOTS, NO_CGROUPS } from "../testing/no-cgroups.ts";
import { cgroupsFor, directoriesOf } from "./attempt-cgroups.ts";

const ID = AttemptId.parse("7.0.1-abcdef");
const GIB = 1024 ** 3;
const ASKED = { cpuMilli: 2500, memoryBytes: 4 * GIB, gpuIds: [] as string[], gpuMilli: 1000 };
const { enforcement } = NO_CGROUP_ROOTS;

const VERSION_2: CgroupRoots = {
  unified: "/cg",
  controllers: {
    memory: { version: 2, directory: "/cg" },
    cpu: { version: 2, directory: "/cg" },
    cpuset: { version: 2, directory: "/cg" },
  },
  enforcement,
};
const HYBRID: CgroupRoots = {
  unified: "/cg/unified",
  controllers: {
    memory: { version: 1, directory: "/cg/memory" },
    cpu: { version: 1, directory: "/cg/cpu" },
    cpuset: { version: 1, directory: "/cg/cpuset" },
  },
  enforcement,
};

function gpu(id: string, cpuAffinity: string | null): GpuDevice {
  return GpuDevice.parse({ id, index: 0, model: "A100", memoryBytes: null, driverVersion: null, cpuAffinity });
}

describe("an attempt's cgroups", () => {
  test("of version 2 are one, with its memory as the limit and its CPUs as a weight", () => {
    expect(cgroupsFor(ID, ASKED, [], VERSION_2)).toEqual({
      unified: `/cg/${ID}`,
      ofControllers: [],
      settings: [
        [`/cg/${ID}/memory.max`, String(4 * GIB)],
        [`/cg/${ID}/memory.swap.max`, "0"],
        [`/cg/${ID}/memory.oom.group`, "1"],
        [`/cg/${ID}/cpu.weight`, "63"],
      ],
      memory: `/cg/${ID}`,
    });
  });

  test("of version 1 are one for each controller, beside one of version 2 that can be killed", () => {
    const cgroups = cgroupsFor(ID, ASKED, [], HYBRID);
    expect(directoriesOf(cgroups)).toEqual([`/cg/unified/${ID}`, `/cg/memory/${ID}`, `/cg/cpu/${ID}`]);
    expect(cgroups.memory).toBe(`/cg/memory/${ID}`);
    expect(cgroups.settings).toEqual([
      [`/cg/memory/${ID}/memory.limit_in_bytes`, String(4 * GIB)],
      [`/cg/memory/${ID}/memory.memsw.limit_in_bytes`, String(4 * GIB)],
      [`/cg/cpu/${ID}/cpu.shares`, "2560"],
    ]);
  });

  test.for([
    ["version 2", VERSION_2, `/cg/${ID}/cpuset.cpus`],
    ["version 1", HYBRID, `/cg/cpuset/${ID}/cpuset.cpus`],
  ] as const)("of %s keep it on the CPUs near its GPUs", ([, roots, file]) => {
    const gpus = [gpu("GPU-0", "0-19"), gpu("GPU-1", "0-19"), gpu("GPU-2", "20-39"), gpu("GPU-3", null)];
    const settings = (gpuIds: string[]) => cgroupsFor(ID, { ...ASKED, gpuIds }, gpus, roots).settings;
    expect(settings(["GPU-0", "GPU-1"])).toContainEqual([file, "0-19"]);
    expect(settings(["GPU-1", "GPU-2"])).toContainEqual([file, "0-19,20-39"]);
    // Of one that does not say where it lies every CPU may be the near one.
    for (const gpuIds of [[], ["GPU-3"], ["GPU-0", "GPU-3"], ["GPU-9"]])
      expect(settings(gpuIds).map(([path]) => path)).not.toContain(file);
  });

  test("keep it on no fewer CPUs than it was promised", () => {
    const gpus = [gpu("GPU-0", "0-3,8"), gpu("GPU-1", "0-3")];
    const files = (cpuMilli: number, gpuIds = ["GPU-0", "GPU-1"]) =>
      cgroupsFor(ID, { ...ASKED, cpuMilli, gpuIds }, gpus, VERSION_2).settings.map(([path]) => path);
    expect(files(5000)).toContain(`/cg/${ID}/cpuset.cpus`);
    expect(files(5001)).not.toContain(`/cg/${ID}/cpuset.cpus`);
  });

  test("leave alone who asks for nothing, and let who asks for next to nothing start", () => {
    const asked = (memoryBytes: number) =>
      cgroupsFor(ID, { cpuMilli: 0, memoryBytes, gpuIds: [], gpuMilli: 1000 }, [], VERSION_2);
    expect(asked(0).settings).toEqual([]);
    expect(asked(1).settings[0]).toEqual([`/cg/${ID}/memory.max`, String(16 * 1024 ** 2)]);
  });

  test("are none where the node has none to give", () => {
    expect(cgroupsFor(ID, ASKED, [], NO_CGROUP_ROOTS)).toEqual(NO_CGROUPS);
  });
});

test("a task that said nothing of memory is promised some, and not held to that", () => {
  const asked = { ...ASKED, memoryBytes: DEFAULT_RESOURCES.memoryBytes };
  const { settings } = cgroupsFor(ID, asked, [], VERSION_2);
  expect(settings.filter(([file]) => file.includes("memory"))).toEqual([]);
});
