import { AttemptId } from "@drover/shared/domain/ids.ts";
import { expect, test } from "vitest";
import { formatLaunch, parseLaunchOrigin } from "./launch-file.ts";

const launch = {
  attemptId: AttemptId.parse("1.0.1-abcdef"),
  bootId: "b00t",
  timeoutMs: null,
  stopGraceMs: 10,
  onDisconnect: "restart",
  workDir: "/w",
  cgroup: null,
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
  expect(parseLaunchOrigin(formatLaunch(launch))).toEqual({ bootId: "b00t", cgroup: null });
  expect(parseLaunchOrigin(formatLaunch({ ...launch, cgroup: "/cg/1" }))).toEqual({ bootId: "b00t", cgroup: "/cg/1" });
  expect(parseLaunchOrigin("")).toBeNull();
});
