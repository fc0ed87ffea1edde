import { expect, test } from "vitest";
import { nodeFileSystem } from "../machine/file-system.ts";
import { isProcessAlive, parseProcessStat } from "./processes.ts";

const tail = "1 4711 4711 0 -1 4194560 105 0 0 0 0 0 0 0 20 0 1 0 987654 2781184 220 18446744073709551615";

test("a process's state and start time are found behind whatever it calls itself", () => {
  expect(parseProcessStat(`4711 (sleep) S ${tail}`)).toEqual({ state: "S", parentPid: 1, startTicks: 987654 });
  expect(parseProcessStat(`4711 (a) Z ) (b c) Z ${tail}`)).toEqual({ state: "Z", parentPid: 1, startTicks: 987654 });
  expect(parseProcessStat("")).toBeNull();
});

test("a process is alive only with the start time that it was known by", () => {
  expect(isProcessAlive(nodeFileSystem, process.pid, -1)).toBe(false);
  expect(isProcessAlive(nodeFileSystem, 2 ** 22 + 1, 0)).toBe(false);
});
