import { mkdirSync, readFileSync, rmdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/**
 * The directory of this process in the cgroup v2 hierarchy, from /proc/self/mountinfo and /proc/self/cgroup;
 * `null` where there is none. In a hybrid set-up the hierarchy has no controllers, but can still be killed at once.
 */
export function parseCgroupDirectory(mountInfo: string, ownCgroups: string): string | null {
  const own = /^0::(\/.*)$/m.exec(ownCgroups)?.[1];
  for (const line of mountInfo.split("\n")) {
    // proc(5): id parent major:minor root mount-point options [optional…] - type source super-options
    const [mount, fileSystem] = line.split(" - ");
    const [, , , root, mountPoint] = mount?.split(" ") ?? [];
    if (!fileSystem?.startsWith("cgroup2 ") || own === undefined || root === undefined || mountPoint === undefined)
      continue;
    if (root === "/") return join(mountPoint, own);
    // Inside a container the mount shows a part of the hierarchy only.
    if (own === root || own.startsWith(`${root}/`)) return join(mountPoint, own.slice(root.length));
  }
  return null;
}

/** A directory below which attempts may get cgroups of their own; `null` where we may not make any. */
export function openCgroupRoot(nodeId: string): string | null {
  try {
    const own = parseCgroupDirectory(
      readFileSync("/proc/self/mountinfo", "utf8"),
      readFileSync("/proc/self/cgroup", "utf8"),
    );
    if (own === null) return null;
    const root = join(own, `drover-${nodeId}`);
    mkdirSync(root, { recursive: true });
    // Linux 5.14; without it a cgroup has nothing to offer here.
    return statSync(join(root, "cgroup.kill"), { throwIfNoEntry: false }) === undefined ? null : root;
  } catch {
    return null;
  }
}

/** Leaves nothing behind, unless attempts go on in it: then a later agent of this node finds it again. */
export function closeCgroupRoot(root: string): void {
  try {
    rmdirSync(root);
  } catch {
    // In use.
  }
}

/** Kills everything in it and removes it. Its absence is no error. */
export function killCgroup(cgroup: string): void {
  try {
    writeFileSync(join(cgroup, "cgroup.kill"), "1");
    rmdirSync(cgroup);
  } catch {
    // Not there, or not empty for another moment: an empty cgroup that stays costs nothing.
  }
}
