import { describe, expect, test } from "vitest";
import { countCpuList } from "./cpu.ts";
import { parseCudaToolkit, parseDockerInfo, parseOsRelease, parseVersion } from "./software.ts";

describe("what is installed", () => {
  test.for([
    ["Python 3.11.2\n", "3.11.2"],
    ["podman version 4.3.1", "4.3.1"],
    ["command not found", null],
  ] as const)("%j is version %s", ([text, version]) => {
    expect(parseVersion(text)).toBe(version);
  });

  test("of Docker says whether it can hand out GPUs", () => {
    expect(
      parseDockerInfo('27.3.1 {"io.containerd.runc.v2":{},"nvidia":{"path":"nvidia-container-runtime"}}\n'),
    ).toEqual({
      version: "27.3.1",
      hasNvidia: true,
    });
    expect(parseDockerInfo('27.3.1 {"runc":{}}')).toEqual({ version: "27.3.1", hasNvidia: false });
    // A client without its daemon.
    expect(parseDockerInfo(" null\n")).toBeNull();
  });

  test("of CUDA and the system is named by their files", () => {
    expect(parseCudaToolkit('{"cuda" : {"name" : "CUDA SDK", "version" : "12.4.1"}}')).toBe("12.4.1");
    expect(parseCudaToolkit(null)).toBeNull();
    expect(parseOsRelease('NAME="Debian GNU/Linux"\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n')).toBe(
      "Debian GNU/Linux 12 (bookworm)",
    );
    expect(parseOsRelease("NAME=Alpine\n")).toBe("Alpine");
  });
});

test.for([
  ["0-19,80-99", 40],
  ["0", 1],
  ["0,2,4-5\n", 4],
  ["", null],
  ["5-3", null],
  ["all", null],
] as const)("the CPU list %j names %s", ([list, count]) => {
  expect(countCpuList(list)).toBe(count);
});
