import { expect, test } from "vitest";
import { parseCgroupDirectory } from "./cgroup.ts";

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
  expect(parseCgroupDirectory(mountInfo, own)).toBe(directory);
});
