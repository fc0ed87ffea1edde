import { join } from "node:path/posix";

export interface CgroupDirectories {
  version: 1 | 2;
  /** The process's own group first, then each above it as far as it can be seen: every one of them bounds it. */
  directories: string[];
}

/**
 * Where a controller of this process is set, from /proc/self/mountinfo and /proc/self/cgroup. In a hybrid set-up the
 * controllers are those of version 1.
 */
export function parseCgroupDirectories(
  mountInfo: string,
  ownCgroups: string,
  controller: "cpu" | "memory",
): CgroupDirectories | null {
  const own = ownGroup(ownCgroups, controller);
  if (own === null) return null;
  for (const line of mountInfo.split("\n")) {
    // proc(5): id parent major:minor root mount-point options [optional…] - type source super-options
    const [mount, fileSystem = ""] = line.split(" - ");
    const [, , , root, mountPoint] = mount?.split(" ") ?? [];
    const [type, , options = ""] = fileSystem.split(" ");
    const isOurs =
      own.version === 2 ? type === "cgroup2" : type === "cgroup" && options.split(",").includes(controller);
    if (!isOurs || root === undefined || mountPoint === undefined) continue;
    return { version: own.version, directories: directoriesUp(mountPoint, pathBelow(root, own.path)) };
  }
  return null;
}

function ownGroup(ownCgroups: string, controller: string): { version: 1 | 2; path: string } | null {
  let unified: string | null = null;
  for (const line of ownCgroups.split("\n")) {
    const [id, controllers = "", ...path] = line.split(":");
    if (controllers.split(",").includes(controller)) return { version: 1, path: path.join(":") };
    if (id === "0" && controllers === "") unified = path.join(":");
  }
  return unified === null ? null : { version: 2, path: unified };
}

/** Inside a container the mount shows a part of the hierarchy only, or the path is that of the host. */
function pathBelow(root: string, path: string): string {
  if (root === "/") return path;
  return path === root || path.startsWith(`${root}/`) ? path.slice(root.length) : "/";
}

function directoriesUp(mountPoint: string, path: string): string[] {
  const parts = path.split("/").filter((part) => part !== "" && part !== "..");
  return parts.map((_, i) => join(mountPoint, ...parts.slice(0, parts.length - i))).concat(mountPoint);
}

/** `max 100000` or `150000 100000`: thousandths of a CPU; `null`: no bound. */
export function parseCpuMax(text: string | null): number | null {
  const [, quota, period] = /^(\d{1,15}) (\d{1,15})\s*$/.exec(text ?? "") ?? [];
  return milliOf(Number(quota), Number(period));
}

/** cpu.cfs_quota_us and cpu.cfs_period_us of version 1, where -1 is no bound. */
export function parseCpuQuota(quota: string | null, period: string | null): number | null {
  return milliOf(Number(quota ?? Number.NaN), Number(period ?? Number.NaN));
}

function milliOf(quota: number, period: number): number | null {
  if (!(quota > 0) || !(period > 0)) return null;
  return Math.max(1, Math.floor((quota / period) * 1000));
}

/** memory.max, or memory.limit_in_bytes; version 1 says "none" by a number beyond any machine. */
export function parseMemoryLimit(text: string | null): number | null {
  const digits = /^(\d{1,20})\s*$/.exec(text ?? "")?.[1];
  const bytes = Number(digits ?? Number.NaN);
  return bytes >= 0 && bytes < 2 ** 52 ? bytes : null;
}
