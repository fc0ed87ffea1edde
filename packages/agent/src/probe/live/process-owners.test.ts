import { describe, expect, test } from "vitest";
import { someFiles } from "../../testing/some-files.ts";
import { createProcessOwners } from "./process-owners.ts";

function stat(pid: number, startTicks: number): string {
  return `${pid} (py) thon) S ${Array.from({ length: 18 }, () => 1).join(" ")} ${startTicks} 0 0\n`;
}

describe("a process on a GPU", () => {
  test("is an attempt's when its environment says so, though its parent is long dead", () => {
    const ownerOf = createProcessOwners(
      someFiles({
        "/etc/passwd": "root:x:0:0::/root:/bin/sh\nml:x:1000:1000::/home/ml:/bin/sh\n",
        "/proc/41/stat": stat(41, 7),
        "/proc/41/environ": "PATH=/bin\0DROVER_ATTEMPT_ID=12.0.1-k7q2mx\0",
        "/proc/41/status": "Name:\tpython3\nPPid:\t1\nUid:\t1000\t1000\t1000\t1000\n",
        "/proc/41/cmdline": "python3\0-m\0vllm\0",
      }),
    );
    expect(ownerOf(41)).toEqual({ user: "ml", command: "python3 -m vllm", attemptId: "12.0.1-k7q2mx" });
  });

  test("is an attempt's by its cgroup where we may not read its environment", () => {
    const ownerOf = createProcessOwners(
      someFiles({
        "/proc/41/stat": stat(41, 7),
        "/proc/41/cgroup": "0::/system.slice/drover-node-4k7x9q2mab3c/12.0.1-k7q2mx\n",
        "/proc/41/status": "Uid:\t1234\t1234\t1234\t1234\n",
      }),
    );
    expect(ownerOf(41)).toEqual({ user: "1234", command: null, attemptId: "12.0.1-k7q2mx" });
  });

  test("that is gone, or of another PID namespace, is nobody's", () => {
    expect(createProcessOwners(someFiles({}))(41)).toEqual({ user: null, command: null, attemptId: null });
  });

  test("is looked at again when its pid has passed to another, and while it may not have called exec yet", () => {
    const texts: Record<string, string> = { "/proc/41/stat": stat(41, 7), "/proc/41/cmdline": "drover-supervisor" };
    const ownerOf = createProcessOwners(someFiles(texts));
    expect(ownerOf(41).command).toBe("drover-supervisor");
    texts["/proc/41/cmdline"] = "train";
    expect(ownerOf(41).command).toBe("train");
    texts["/proc/41/cmdline"] = "renamed itself";
    expect(ownerOf(41).command).toBe("train");
    texts["/proc/41/stat"] = stat(41, 8);
    expect(ownerOf(41).command).toBe("renamed itself");
  });
});

test("a command is shown without the values of its options, which may be secrets", () => {
  const commandOf = (cmdline: string) =>
    createProcessOwners(someFiles({ "/proc/7/stat": stat(7, 7), "/proc/7/cmdline": cmdline }))(7).command;
  expect(commandOf("vllm\0serve\0llama3\0--api-key\0sk-123\0")).toBe("vllm serve llama3");
  expect(commandOf("env\0TOKEN=hf_123\0python3\0")).toBe("env");
});
