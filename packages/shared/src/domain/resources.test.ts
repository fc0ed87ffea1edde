import { describe, expect, it } from "vitest";
import { fits, type ResourceRequest } from "./resources.ts";

const FREE = { cpuMilli: 2000, memoryBytes: 1024, gpuIds: ["gpu-a"] };

describe("fits", () => {
  it.each<[string, Partial<ResourceRequest>, boolean]>([
    ["nothing", {}, true],
    ["exactly all", { cpuMilli: 2000, memoryBytes: 1024, gpuCount: 1 }, true],
    ["a thousandth of a CPU too much", { cpuMilli: 2001 }, false],
    ["a byte too much", { memoryBytes: 1025 }, false],
    ["a GPU too much", { gpuCount: 2 }, false],
  ])("answers for %s", (_name, request, expected) => {
    expect(fits({ cpuMilli: 0, memoryBytes: 0, gpuCount: 0, ...request }, FREE)).toBe(expected);
  });
});
