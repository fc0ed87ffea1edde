import { describe, expect, test } from "vitest";
import { anAssignment } from "../testing/an-assignment.ts";
import { NO_CGROUPS, NO_CGROUP_ROOTS } from "../testing/no-cgroups.ts";
import { composeLaunch } from "./compose-launch.ts";

const context = {
  nodeName: "n",
  bootId: "boot",
  directory: "/data/attempts/1",
  cgroupRoots: NO_CGROUP_ROOTS,
  gpus: [],
  gpuMemoryTaken: () => null,
  inherited: {},
  jobUser: null,
  modelPath: () => null,
  hubCachePath: null,
};

describe("a launch", () => {
  test("runs in a directory of its own unless the job names one", () => {
    expect(composeLaunch(anAssignment(), context).workDir).toBe("/data/attempts/1/work");
    expect(composeLaunch(anAssignment({ workDir: "/srv/data" }), context).workDir).toBe("/srv/data");
  });

  test("runs a command as it is", () => {
    expect(composeLaunch(anAssignment({ command: ["python3", "-c", "1 + 1"] }), context).arguments).toEqual([
      "python3",
      "-c",
      "1 + 1",
    ]);
  });

  test("runs a script by the interpreter that it names, or by the shell", () => {
    const byItself = anAssignment({ command: null, script: "#!/usr/bin/env python3\n" });
    expect(composeLaunch(byItself, context).arguments).toEqual(["/data/attempts/1/script"]);
    const byShell = anAssignment({ command: null, script: "echo hello" });
    expect(composeLaunch(byShell, context).arguments).toEqual(["/bin/sh", "/data/attempts/1/script"]);
  });

  test("has no cgroups where the node has none to give", () => {
    expect(composeLaunch(anAssignment(), context).cgroups).toEqual(NO_CGROUPS);
  });

  test("stands behind the machine's own processes where no cgroup weighs its CPUs", () => {
    const cpu = { version: 2, directory: "/cg" } as const;
    const cgroupRoots = { ...NO_CGROUP_ROOTS, unified: "/cg", controllers: { cpu } };
    expect(composeLaunch(anAssignment(), context).niceness).toBe(5);
    expect(composeLaunch(anAssignment(), { ...context, cgroupRoots }).niceness).toBe(0);
  });
});
