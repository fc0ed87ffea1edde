import { expect, test } from "vitest";
import { nodeFileSystem } from "../machine/file-system.ts";
import { findInOrphanedGroup, isProcessAlive, parseProcessStat } from "./processes.ts";

const tail = "1 4711 4711 0 -1 4194560 105 0 0 0 0 0 0 0 20 0 1 0 987654 2781184 220 18446744073709551615";

test("a process's state and start time are found behind whatever it calls itself", () => {
  expect(parseProcessStat(`4711 (sleep) S ${tail}`)).toEqual({
    state: "S",
    parentPid: 1,
    processGroup: 4711,
    startTicks: 987654,
  });
  expect(parseProcessStat(`4711 (a) Z ) (b c) Z ${tail}`)).toEqual({
    state: "Z",
    parentPid: 1,
    processGroup: 4711,
    startTicks: 987654,
  });
  expect(parseProcessStat("")).toBeNull();
});

test("a process is alive only with the start time that it was known by", () => {
  expect(isProcessAlive(nodeFileSystem, process.pid, -1)).toBe(false);
  expect(isProcessAlive(nodeFileSystem, 2 ** 22 + 1, 0)).toBe(false);
});

test("who is left in the group of a command that has ended is found, and nobody whose number came after it", () => {
  const stats: Record<string, string> = {
    "/proc/50/stat": stat(50, "S", 40),
    "/proc/51/stat": stat(51, "Z", 40),
    "/proc/52/stat": stat(52, "S", 52),
  };
  const files = { list: () => ["self", "50", "51", "52"], readText: (path: string) => stats[path] ?? null };
  const found = (commandPid: number) => findInOrphanedGroup({ ...nodeFileSystem, ...files }, commandPid);
  expect(found(40)).toEqual([50]);
  // Its pid is somebody's (again): then so is the group.
  expect(found(52)).toEqual([]);
  expect(found(0)).toEqual([]);
});

function stat(pid: number, state: string, group: number): string {
  return `${pid} (worker) ${state} 1 ${group} ${"0 ".repeat(16)}7 0 0`;
}
