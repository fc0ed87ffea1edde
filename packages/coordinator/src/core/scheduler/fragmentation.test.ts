import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { ResourceRequest } from "@drover/shared/domain/resources.ts";
import { aJob } from "../../testing/scenario.ts";
import { Demand } from "./demand.ts";
import { Fragmentation, Placement } from "./fragmentation.ts";
import { GpuKinds, type GpuKind } from "./gpu-kinds.ts";
import type { TypicalDemand } from "./request-mix.ts";
import { fits, take, wholeDevices, type Room } from "./room.ts";

const GIB = 1024 ** 3;

const Request = fc.record({
  cpuMilli: fc.constantFrom(0, 1000, 4000, 12_000),
  memoryBytes: fc.constantFrom(0, 8 * GIB, 64 * GIB),
  gpu: fc.constantFrom<Partial<ResourceRequest>>(
    { gpuCount: 0 },
    { gpuCount: 1, gpuMilli: 1 },
    { gpuCount: 1, gpuMilli: 250 },
    { gpuCount: 1, gpuMilli: 470 },
    { gpuCount: 1, gpuMilli: 999 },
    { gpuCount: 1 },
    { gpuCount: 2 },
    { gpuCount: 4 },
    { gpuCount: 1, gpuMemoryBytes: 10 * GIB },
    { gpuCount: 1, gpuMemoryBytes: 80 * GIB },
  ),
  gpuModels: fc.constantFrom<string[]>([], [], ["A"], ["B"], ["A", "B"], ["C"]),
});
type Request = typeof Request extends fc.Arbitrary<infer T> ? T : never;

function demandOf({ cpuMilli, memoryBytes, gpu, gpuModels }: Request): Demand {
  return new Demand({ ...aJob().resources, cpuMilli, memoryBytes, ...gpu, gpuModels });
}

const Share = fc.oneof(fc.constantFrom(0, 250, 530, 1000, 1000), fc.integer({ min: 0, max: 1000 }));

const Case = fc.record({
  mix: fc.array(fc.record({ request: Request, count: fc.integer({ min: 1, max: 50 }) }), {
    minLength: 1,
    maxLength: 12,
  }),
  demand: Request,
  cpuMilli: fc.integer({ min: 0, max: 30_000 }),
  memoryBytes: fc.integer({ min: 0, max: 200 }).map((gib) => gib * GIB),
  shares: fc.tuple(fc.array(Share, { maxLength: 5 }), fc.array(Share, { maxLength: 3 })),
});
type Case = typeof Case extends fc.Arbitrary<infer T> ? T : never;

function arrange({ mix, demand, cpuMilli, memoryBytes, shares }: Case) {
  const kinds = new GpuKinds();
  const both = [kinds.of(["a"], 80 * GIB), kinds.of(["b"], 24 * GIB)] as const;
  kinds.count(both[0], 40);
  kinds.count(both[1], 8);
  const groups = both.map((kind, index) => ({
    kind,
    devices: (shares[index] ?? []).map((freeMilli, device) => ({ id: `${index}-${device}`, freeMilli })),
  }));
  const gpuMilli = shares.flat().reduce((sum, milli) => sum + milli, 0);
  const room: Room = { cpuMilli, memoryBytes, gpuMilli, groups, models: new Set(), measured: null };
  const typical = mix.map(({ request, count }) => ({ demand: demandOf(request), count }));
  return { kinds: kinds.all, room, typical, demand: demandOf(demand) };
}

/** The definition, word for word, and as slow as that. */
function usableByDefinition(room: Room, typical: readonly TypicalDemand[], kinds: readonly GpuKind[]): number {
  const total = typical.reduce((sum, { count }) => sum + count, 0);
  const acceptable = (demand: Demand) => kinds.filter((kind) => demand.milliOn(kind) > 0);
  const milliOf = (those: readonly GpuKind[]) => those.reduce((sum, kind) => sum + kind.totalMilli, 0);
  const ofGpus = typical.filter(({ demand }) => demand.gpuCount > 0 && acceptable(demand).length > 0);
  let unusable = 0;
  for (const { demand, count } of ofGpus) {
    const weight = ((count / total) * milliOf(kinds)) / milliOf(acceptable(demand));
    for (const { kind, devices } of room.groups) {
      const milli = demand.milliOn(kind);
      const canRun = milli > 0 && demand.cpuMilli <= room.cpuMilli && demand.memoryBytes <= room.memoryBytes;
      const large = devices.filter(({ freeMilli }) => freeMilli >= milli);
      const isUsable = (freeMilli: number) => canRun && freeMilli >= milli && large.length >= demand.gpuCount;
      for (const { freeMilli } of devices) if (!isUsable(freeMilli)) unusable += weight * freeMilli;
    }
  }
  const usualMilli = (demand: Demand) =>
    acceptable(demand).reduce((sum, kind) => sum + demand.milliOn(kind) * kind.totalMilli, 0) /
    milliOf(acceptable(demand));
  const sum = (of: (demand: Demand) => number) =>
    ofGpus.reduce((all, { demand, count }) => all + count * of(demand), 0);
  const gpuMilli = sum((demand) => demand.gpuCount * usualMilli(demand));
  const supplied = (amount: number, asked: number) => (asked === 0 ? Infinity : (amount / asked) * gpuMilli);
  const byCpu = supplied(
    room.cpuMilli,
    sum((demand) => demand.cpuMilli),
  );
  const byMemory = supplied(
    room.memoryBytes,
    sum((demand) => demand.memoryBytes),
  );
  return Math.min(room.gpuMilli, byCpu, byMemory) - unusable;
}

/** Every room that a demand can leave behind. */
function roomsAfter(room: Room, demand: Demand): Room[] {
  const after = (ids: string[], gpuMilli: number): Room => {
    const copy = structuredClone({ ...room, groups: [], measured: null });
    const groups = room.groups.map(({ kind, devices }) => ({
      kind,
      devices: devices.map((device) => ({ ...device })),
    }));
    const rest: Room = { ...copy, groups };
    take(rest, { cpuMilli: demand.cpuMilli, memoryBytes: demand.memoryBytes, gpuIds: ids, gpuMilli });
    return rest;
  };
  if (demand.gpuCount === 0) return [after([], 1000)];
  const fitting = room.groups.flatMap(({ kind, devices }) => {
    const milli = demand.milliOn(kind);
    return devices.filter(({ freeMilli }) => milli > 0 && freeMilli >= milli).map(({ id }) => ({ id, milli }));
  });
  if (demand.gpuCount > 1)
    return [
      after(
        fitting.slice(0, demand.gpuCount).map(({ id }) => id),
        1000,
      ),
    ];
  return fitting.map(({ id, milli }) => after([id], milli));
}

describe("what of a room is usable", () => {
  test("is what its definition says", () => {
    fc.assert(
      fc.property(Case, (given) => {
        const { kinds, room, typical } = arrange(given);
        const measured = new Fragmentation(typical, kinds).usableMilli(room);
        expect(measured).toBeCloseTo(usableByDefinition(room, typical, kinds), 6);
      }),
      { numRuns: 1000 },
    );
  });

  test("after a placement is the most that any choice of GPU leaves, and is what is there afterwards", () => {
    fc.assert(
      fc.property(Case, (given) => {
        const { kinds, room, typical, demand } = arrange(given);
        fc.pre(fits(room, demand));
        const fragmentation = new Fragmentation(typical, kinds);
        const placement = new Placement();
        fragmentation.place(room, demand, placement);
        const choices = roomsAfter(room, demand).map((rest) => usableByDefinition(rest, typical, kinds));
        expect(placement.usableMilli).toBeCloseTo(Math.max(...choices), 6);
        const devices = placement.device ? [placement.device] : wholeDevices(room, demand);
        expect(devices).toHaveLength(demand.gpuCount);
        const gpuIds = devices.map(({ id }) => id);
        fragmentation.usableMilli(room);
        take(room, {
          cpuMilli: demand.cpuMilli,
          memoryBytes: demand.memoryBytes,
          gpuIds,
          gpuMilli: placement.gpuMilli,
        });
        expect(fragmentation.usableMilli(room)).toBeCloseTo(placement.usableMilli, 6);
        expect(room.groups.flatMap(({ devices }) => devices).every(({ freeMilli }) => freeMilli >= 0)).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });
});
