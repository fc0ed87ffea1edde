import { AttemptId } from "@drover/shared/domain/ids.ts";
import { expect, test } from "vitest";
import { NO_CGROUPS } from "../testing/no-cgroups.ts";
import { formatLaunch, parseLaunchOrigin } from "./launch-file.ts";

const launch = {
  attemptId: AttemptId.parse("1.0.1-abcdef"),
  bootId: "b00t",
  timeoutMs: null,
  stopGraceMs: 10,
  onDisconnect: "restart",
  workDir: "/w",
  niceness: 0,
  user: null,
  cgroups: NO_CGROUPS,
  gpus: [],
  arguments: ["sh", "-c", "cgroup\nbootId"],
  environment: { A: "b=c" },
} as const;

test("a launch is pairs of strings that people can read", () => {
  expect(formatLaunch(launch).split("\0")).toEqual(
    [
      "attemptId",
      "1.0.1-abcdef",
      "bootId",
      "b00t",
      "stopGraceMs",
      "10",
      "onDisconnect",
      "restart",
      "workDir",
      "/w",
    ].concat(["arg", "sh", "arg", "-c", "arg", "cgroup\nbootId", "env", "A=b=c", ""]),
  );
});

test("a launch says where it came from", () => {
  expect(parseLaunchOrigin(formatLaunch(launch))).toEqual({ bootId: "b00t", cgroupDirectories: [], gpus: [] });
  const cgroups = {
    unified: "/cg/1",
    ofControllers: ["/cg/memory/1"],
    settings: [["/cg/memory/1/memory.limit_in_bytes", "99"]],
    memory: "/cg/memory/1",
  } as const;
  const gpus = [
    { id: "GPU-1", takenBytes: 4096 },
    { id: "MIG-2", takenBytes: null },
  ];
  expect(parseLaunchOrigin(formatLaunch({ ...launch, cgroups, gpus }))).toEqual({
    bootId: "b00t",
    cgroupDirectories: ["/cg/1", "/cg/memory/1"],
    gpus,
  });
  expect(parseLaunchOrigin("")).toBeNull();
});
