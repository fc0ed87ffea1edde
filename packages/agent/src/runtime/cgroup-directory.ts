import { join } from "node:path";

export type CgroupController = "memory" | "cpu" | "cpuset";

export interface CgroupPlace {
  version: 1 | 2;
  /** The one that this process is in. */
  directory: string;
  mountPoint: string;
}

/**
 * Where this process stands in the hierarchy of a controller, from /proc/self/mountinfo and /proc/self/cgroup;
 * `null` where there is none, or where the mount does not show our part of it. Without a controller: the hierarchy of
 * version 2, which in a hybrid set-up has no controllers, but can still be killed at once.
 */
export function findCgroup(
  mountInfo: string,
  ownCgroups: string,
  controller: CgroupController | null,
): CgroupPlace | null {
  const own = ownGroup(ownCgroups, controller);
  for (const line of own === null ? [] : mountInfo.split("\n")) {
    // proc(5): id parent major:minor root mount-point options [optional…] - type source super-options
    const [mount, fileSystem = ""] = line.split(" - ");
    const [, , , root, mountPoint] = mount?.split(" ") ?? [];
    const [type, , options = ""] = fileSystem.split(" ");
    const isOurs =
      own?.version === 2 ? type === "cgroup2" : type === "cgroup" && options.split(",").includes(controller ?? "");
    if (own === null || !isOurs || root === undefined || mountPoint === undefined) continue;
    const { version, path } = own;
    if (root === "/") return { version, directory: join(mountPoint, path), mountPoint };
    // Inside a container the mount shows a part of the hierarchy only.
    if (path === root || path.startsWith(`${root}/`))
      return { version, directory: join(mountPoint, path.slice(root.length)), mountPoint };
  }
  return null;
}

function ownGroup(ownCgroups: string, controller: CgroupController | null): { version: 1 | 2; path: string } | null {
  for (const line of ownCgroups.split("\n")) {
    const [, controllers = "", ...path] = line.split(":");
    if (controller !== null && controllers.split(",").includes(controller)) return { version: 1, path: path.join(":") };
  }
  const unified = /^0::(\/.*)$/m.exec(ownCgroups)?.[1];
  return unified === undefined ? null : { version: 2, path: unified };
}
