import { expect, test } from "vitest";
import { folderOf, installationOf, targetOf } from "./installation.ts";

test("a program is of the version in whose folder it lies", () => {
  expect(installationOf("/opt/drover/versions/0.1.0/lib/drover-agent.mjs")).toEqual({
    prefix: "/opt/drover",
    version: "0.1.0",
  });
  expect(installationOf("/home/anna/.local/share/drover/versions/1.0.0-rc.1/lib/drover-agent.mjs")?.version).toBe(
    "1.0.0-rc.1",
  );
});

test.each([
  "/home/anna/drover/packages/agent/bin/drover-agent.mjs",
  "/opt/drover/current/lib/drover-agent.mjs",
  "/opt/drover/versions/0.1.0/lib/drover-coordinator.mjs",
  "",
])("%s is of none", (path) => {
  expect(installationOf(path)).toBeNull();
});

test("versions lie side by side, and archives are named by what they run on", () => {
  expect(folderOf("/opt/drover", "0.2.0")).toBe("/opt/drover/versions/0.2.0");
  expect(targetOf("linux", "arm64")).toBe("linux-arm64");
});
