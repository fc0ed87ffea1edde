import { describe, expect, test } from "vitest";
import type { ResourceRequest } from "@drover/shared/domain/resources.ts";
import { aGpu, aJob } from "../../testing/scenario.ts";
import { Demand } from "./demand.ts";
import { GpuKinds } from "./gpu-kinds.ts";
import { fits, give, take, wholeRoom } from "./room.ts";

const GIB = 1024 ** 3;
const CAPACITY = { cpuMilli: 2000, memoryBytes: 1024, gpuIds: ["a100", "rtx", "unknown"] };
const GPUS = [
  aGpu("a100", { memoryBytes: 80 * GIB }),
  aGpu("rtx", { model: "NVIDIA GeForce RTX 4080 SUPER", modelName: "RTX-4080-SUPER", memoryBytes: 16 * GIB }),
];
const aRoom = () => wholeRoom(CAPACITY, GPUS, new GpuKinds());

function aDemand(request: Partial<ResourceRequest>): Demand {
  return new Demand({ ...aJob().resources, cpuMilli: 0, memoryBytes: 0, ...request });
}

describe("a demand fits into a room", () => {
  test.each<[string, Partial<ResourceRequest>, boolean]>([
    ["nothing", {}, true],
    ["exactly all", { cpuMilli: 2000, memoryBytes: 1024, gpuCount: 3 }, true],
    ["a thousandth of a CPU too much", { cpuMilli: 2001 }, false],
    ["a byte too much", { memoryBytes: 1025 }, false],
    ["a GPU too much", { gpuCount: 4 }, false],
    ["a model that is there, in any case", { gpuCount: 1, gpuModels: ["h100", "a100-80gb"] }, true],
    ["a model as its vendor writes it", { gpuCount: 1, gpuModels: ["NVIDIA A100-SXM4-80GB"] }, true],
    ["a model without its memory", { gpuCount: 1, gpuModels: ["A100"] }, true],
    ["two of a model of which there is one", { gpuCount: 2, gpuModels: ["A100"] }, false],
    ["a model whose name only begins like one that is there", { gpuCount: 1, gpuModels: ["RTX-4080"] }, false],
    ["as much memory as a GPU has", { gpuCount: 1, gpuMemoryMinBytes: 80 * GIB }, true],
    ["more memory than any GPU has", { gpuCount: 1, gpuMemoryMinBytes: 80 * GIB + 1 }, false],
    ["two with 16 GiB, where a third does not say", { gpuCount: 2, gpuMemoryMinBytes: 16 * GIB }, true],
    ["three with any memory, where one does not say", { gpuCount: 3, gpuMemoryMinBytes: 1 }, false],
    ["a share of memory", { gpuCount: 1, gpuMemoryBytes: 10 * GIB }, true],
    ["a share of memory larger than any GPU's", { gpuCount: 1, gpuMemoryBytes: 81 * GIB }, false],
  ])("%s: %#", (_name, request, expected) => {
    expect(fits(aRoom(), aDemand(request))).toBe(expected);
  });
});

test.each<[string, Partial<ResourceRequest>, boolean]>([
  ["not to who asks for a GPU", { gpuCount: 1 }, false],
  ["not to who names the whole GPU", { gpuCount: 1, gpuModels: ["A100"] }, false],
  ["to who names it", { gpuCount: 1, gpuModels: ["A100-80GB-3g.40gb"] }, true],
  ["never two, of which a process would see one", { gpuCount: 2, gpuModels: ["A100-80GB-3g.40gb"] }, false],
])("a slice of a GPU is given %s", (_name, request, expected) => {
  const slice = (id: string) => ({
    id,
    profile: "3g.40gb",
    gpuInstance: null,
    computeInstance: null,
    memoryBytes: 40 * GIB,
  });
  const sliced = aGpu("a100", { isMigEnabled: true, migInstances: [slice("MIG-a"), slice("MIG-b")] });
  const room = wholeRoom({ ...CAPACITY, gpuIds: ["MIG-a", "MIG-b"] }, [sliced], new GpuKinds());
  expect(fits(room, aDemand(request))).toBe(expected);
});

test("a share by memory is never less than what was asked for", () => {
  const kinds = new GpuKinds();
  const odd = kinds.of(["x"], 24_000_000_001);
  const demand = aDemand({ gpuCount: 1, gpuMemoryBytes: 10 * GIB });
  const milli = demand.milliOn(odd);
  expect((milli * 24_000_000_001) / 1000).toBeGreaterThanOrEqual(10 * GIB);
  expect(((milli - 1) * 24_000_000_001) / 1000).toBeLessThan(10 * GIB);
});

test("shares of one GPU add up, and a whole GPU is only one of which nothing is held", () => {
  const room = aRoom();
  const quarter = { cpuMilli: 0, memoryBytes: 0, gpuIds: ["a100"], gpuMilli: 250 };
  const isFree = (gpuMilli: number) => fits(room, aDemand({ gpuCount: 1, gpuMilli, gpuModels: ["A100"] }));
  take(room, quarter);
  expect([isFree(750), isFree(751), isFree(1000)]).toEqual([true, false, false]);
  take(room, { ...quarter, gpuMilli: 750 });
  expect(isFree(1)).toBe(false);
  give(room, quarter);
  expect([isFree(250), isFree(251)]).toEqual([true, false]);
  give(room, { ...quarter, gpuMilli: 750 });
  expect(isFree(1000)).toBe(true);
  expect(room.gpuMilli).toBe(3000);
});
