import { expect, test } from "vitest";
import { usableMemoryBytes } from "./hardware.ts";

test.for([
  ["no limit", 64, 0, 64],
  ["a container's limit", 64, 16, 16],
  ["a limit beyond the machine", 64, 2 ** 60, 64],
] as const)("usable memory with %s", ([, machineBytes, limitBytes, usableBytes]) => {
  expect(usableMemoryBytes(machineBytes, limitBytes)).toBe(usableBytes);
});
