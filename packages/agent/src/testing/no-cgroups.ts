import type { CgroupRoots } from "../runtime/open-cgroups.ts";
import type { AttemptCgroups } from "../spool/launch-file.ts";

/** Of a machine that has none to give. */
export const NO_CGROUP_ROOTS: CgroupRoots = {
  unified: null,
  controllers: {},
  enforcement: { memory: null, cpu: null, cpuset: null, reason: "this machine has no cgroups" },
};

/** Of an attempt on such a machine. */
export const NO_CGROUPS: AttemptCgroups = { unified: null, ofControllers: [], settings: [], memory: null };
