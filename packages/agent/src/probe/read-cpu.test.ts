import { describe, expect, test } from "vitest";
import { someFiles } from "../testing/some-files.ts";
import { readCpu } from "./read-cpu.ts";
import { readMemory } from "./read-memory.ts";

const CPU_INFO = [0, 1, 2, 3, 4, 5, 6, 7]
  .map(
    (n) => `processor\t: ${n}\nmodel name\t: AMD EPYC 7443P\nphysical id\t: ${n >> 2}\ncore id\t\t: ${(n & 3) >> 1}\n`,
  )
  .join("\n");
const NUMA = {
  "/sys/devices/system/node/node0/cpulist": "0-3\n",
  "/sys/devices/system/node/node0/meminfo": "Node 0 MemTotal:       32768 kB\n",
  "/sys/devices/system/node/node1/cpulist": "4-7\n",
  "/sys/devices/system/node/online": "0-1\n",
};
const MEMORY = "MemTotal:       64000000 kB\nMemFree: 1 kB\nSwapTotal:       2048 kB\n";

const V2 = {
  "/proc/self/mountinfo": "30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw,nsdelegate\n",
  "/proc/self/cgroup": "0::/system.slice/drover-agent.service\n",
};
const V1 = {
  "/proc/self/mountinfo":
    "30 23 0:26 /docker/abc /sys/fs/cgroup/cpu,cpuacct ro - cgroup cgroup rw,cpu,cpuacct\n31 23 0:27 /docker/abc /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n",
  "/proc/self/cgroup": "5:memory:/docker/abc\n4:cpu,cpuacct:/docker/abc\n0::/\n",
};

function cpu(files: Record<string, string>, environment: Record<string, string> = {}) {
  return readCpu({
    files: someFiles({ "/proc/cpuinfo": CPU_INFO, ...files }),
    environment,
    parallelism: 64,
    model: "?",
  });
}

function memory(files: Record<string, string>, environment: Record<string, string> = {}) {
  return readMemory({ files: someFiles({ "/proc/meminfo": MEMORY, ...files }), environment, totalBytes: 1 });
}

describe("the CPUs of a machine", () => {
  test("are counted by socket, core and thread, and by NUMA node", () => {
    expect(cpu(NUMA)).toEqual({
      model: "AMD EPYC 7443P",
      cores: 8,
      physicalCores: 4,
      sockets: 2,
      threads: 8,
      usableMilli: 8000,
      boundBy: "machine",
      numaNodes: [
        { id: 0, cpus: "0-3", memoryBytes: 32768 * 1024 },
        { id: 1, cpus: "4-7", memoryBytes: null },
      ],
    });
  });

  test("without /proc are what Node counts", () => {
    const bare = readCpu({ files: someFiles({}), environment: {}, parallelism: 4, model: "M1" });
    expect(bare).toMatchObject({ model: "M1", cores: 4, usableMilli: 4000, physicalCores: null, sockets: null });
  });

  test.for([
    ["a cpuset", { "/proc/self/status": "Name:\tnode\nCpus_allowed_list:\t0-1,6\n" }, {}, 3000, "cpuset"],
    [
      "a quota of cgroup v2",
      { ...V2, "/sys/fs/cgroup/system.slice/drover-agent.service/cpu.max": "150000 100000\n" },
      {},
      1500,
      "cgroup",
    ],
    [
      "a quota of a group above",
      {
        ...V2,
        "/sys/fs/cgroup/system.slice/cpu.max": "400000 100000\n",
        "/sys/fs/cgroup/system.slice/drover-agent.service/cpu.max": "max 100000\n",
      },
      {},
      4000,
      "cgroup",
    ],
    [
      "a quota of cgroup v1 in a container",
      {
        ...V1,
        "/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "50000\n",
        "/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000\n",
      },
      {},
      500,
      "cgroup",
    ],
    [
      "no quota of cgroup v1",
      {
        ...V1,
        "/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "-1\n",
        "/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000\n",
      },
      {},
      8000,
      "machine",
    ],
    ["a pod of Runpod", {}, { RUNPOD_CPU_COUNT: "6" }, 6000, "RUNPOD_CPU_COUNT"],
    ["a pod of Runpod with nonsense", {}, { RUNPOD_CPU_COUNT: "all" }, 8000, "machine"],
    ["a quota beyond the machine", { ...V2, "/sys/fs/cgroup/cpu.max": "12800000 100000\n" }, {}, 8000, "machine"],
  ] as const)("with %s are what is really ours", ([, files, environment, usableMilli, boundBy]) => {
    expect(cpu(files, environment)).toMatchObject({
      usableMilli,
      boundBy,
      cores: Math.max(1, Math.floor(usableMilli / 1000)),
    });
  });
});

describe("the memory of a machine", () => {
  const totalBytes = 64_000_000 * 1024;

  test.for([
    ["no limit", {}, {}, null],
    [
      "cgroup v2",
      { ...V2, "/sys/fs/cgroup/system.slice/drover-agent.service/memory.max": "1073741824\n" },
      {},
      1024 ** 3,
    ],
    [
      "the tighter group above",
      {
        ...V2,
        "/sys/fs/cgroup/system.slice/memory.max": "536870912\n",
        "/sys/fs/cgroup/system.slice/drover-agent.service/memory.max": "max\n",
      },
      {},
      512 * 1024 ** 2,
    ],
    ["cgroup v1", { ...V1, "/sys/fs/cgroup/memory/memory.limit_in_bytes": "2147483648\n" }, {}, 2 * 1024 ** 3],
    [
      "cgroup v1 without one",
      { ...V1, "/sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n" },
      {},
      null,
    ],
    ["a pod of Runpod", {}, { RUNPOD_MEM_GB: "31" }, 31 * 1024 ** 3],
  ] as const)("is bounded by %s", ([, files, environment, limitBytes]) => {
    expect(memory(files, environment)).toEqual({ totalBytes, swapBytes: 2048 * 1024, limitBytes });
  });
});
