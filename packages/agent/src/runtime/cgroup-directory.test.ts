import { expect, test } from "vitest";
import { findCgroup } from "./cgroup-directory.ts";

const line = (root: string, mountPoint: string, type = "cgroup2") =>
  `41 31 0:38 ${root} ${mountPoint} rw,relatime shared:9 - ${type} cgroup2 rw`;

test.for([
  [
    "pure v2 under systemd",
    line("/", "/sys/fs/cgroup"),
    "0::/system.slice/drover-agent.service",
    "/sys/fs/cgroup/system.slice/drover-agent.service",
  ],
  [
    "hybrid",
    `${line("/", "/sys/fs/cgroup/cpu", "cgroup")}\n${line("/", "/sys/fs/cgroup/unified")}`,
    "4:memory:/x\n0::/",
    "/sys/fs/cgroup/unified/",
  ],
  [
    "a container that sees its own part",
    line("/docker/abc", "/sys/fs/cgroup"),
    "0::/docker/abc/job",
    "/sys/fs/cgroup/job",
  ],
  ["a container in a namespace", line("/", "/sys/fs/cgroup"), "0::/", "/sys/fs/cgroup/"],
  ["a part that is not ours", line("/docker/abc", "/sys/fs/cgroup"), "0::/docker/abcdef", null],
  ["v1 only", line("/", "/sys/fs/cgroup/cpu", "cgroup"), "4:memory:/x", null],
] as const)("the cgroup directory: %s", ([, mountInfo, own, directory]) => {
  expect(findCgroup(mountInfo, own, null)?.directory ?? null).toBe(directory);
});

const V1 = (controller: string, mountPoint: string) =>
  `36 31 0:32 / ${mountPoint} rw,relatime - cgroup cgroup rw,${controller}`;

test.for([
  ["of version 1", V1("memory", "/sys/fs/cgroup/memory"), "4:memory:/x\n0::/", 1, "/sys/fs/cgroup/memory/x"],
  ["mounted with another", V1("cpu,cpuacct", "/cg/cpu"), "4:cpu,cpuacct:/x", null, null],
  ["of version 2", line("/", "/sys/fs/cgroup"), "0::/a.service", 2, "/sys/fs/cgroup/a.service"],
] as const)("the place of a controller: %s", ([, mountInfo, own, version, directory]) => {
  const place = findCgroup(mountInfo, own, "memory");
  expect([place?.version ?? null, place?.directory ?? null]).toEqual([version, directory]);
});
