import type { RevisionId } from "@drover/shared/domain/model.ts";
import type { GpuDevice } from "@drover/shared/domain/gpu.ts";
import {
  gpuSharesOf,
  WHOLE_GPU_MILLI,
  type Allocation,
  type ResourceCapacity,
} from "@drover/shared/domain/resources.ts";
import type { Demand } from "./demand.ts";
import { describeDevice, type GpuKind, type GpuKinds } from "./gpu-kinds.ts";

/** A GPU, or a part of one, and how much of it is free, in thousandths. */
export interface Device {
  readonly id: string;
  freeMilli: number;
}

export interface DeviceGroup {
  readonly kind: GpuKind;
  /** In the order in which the node names them. */
  readonly devices: readonly Device[];
}

/** What there is of a node, in exact whole numbers. */
export interface Room {
  /** May be negative where a node came back with less than is promised on it; so may the memory. */
  cpuMilli: number;
  memoryBytes: number;
  /** Of all GPUs together. */
  gpuMilli: number;
  readonly groups: readonly DeviceGroup[];
  /** What of models is ready there: one set for all rooms of a node. */
  models: ReadonlySet<RevisionId>;
  /** What is free, as somebody measured it since it last changed; kept here because it changes seldom and is asked for often. */
  measured: { readonly by: object; readonly usableMilli: number } | null;
}

const NO_MODELS: ReadonlySet<RevisionId> = new Set();
export const NO_ROOM: Readonly<Room> = {
  cpuMilli: 0,
  memoryBytes: 0,
  gpuMilli: 0,
  groups: [],
  models: NO_MODELS,
  measured: null,
};

/** All of it, as if nothing were promised. */
export function wholeRoom(capacity: ResourceCapacity, gpus: readonly GpuDevice[], kinds: GpuKinds): Room {
  const byKind = new Map<GpuKind, Device[]>();
  for (const id of capacity.gpuIds) {
    const { names, memoryBytes, isPart } = describeDevice(id, gpus);
    const kind = kinds.of(names, memoryBytes, isPart);
    const device = { id, freeMilli: WHOLE_GPU_MILLI };
    const devices = byKind.get(kind);
    if (devices) devices.push(device);
    else byKind.set(kind, [device]);
  }
  const groups = [...byKind].map(([kind, devices]) => ({ kind, devices }));
  const { cpuMilli, memoryBytes, gpuIds } = capacity;
  return {
    cpuMilli,
    memoryBytes,
    gpuMilli: gpuIds.length * WHOLE_GPU_MILLI,
    groups,
    models: NO_MODELS,
    measured: null,
  };
}

/** To see what would be. */
export function copyRoom(room: Readonly<Room>): Room {
  const groups = room.groups.map(({ kind, devices }) => ({ kind, devices: devices.map((device) => ({ ...device })) }));
  return { ...room, groups, measured: null };
}

export function fits(room: Readonly<Room>, demand: Demand): boolean {
  if (demand.cpuMilli > room.cpuMilli || demand.memoryBytes > room.memoryBytes) return false;
  for (const revisionId of demand.revisionIds) if (!room.models.has(revisionId)) return false;
  return demand.gpuCount === 0 || countFitting(room, demand) >= demand.gpuCount;
}

/** On how many GPUs there is room for its share; counts no further than it asks for. */
export function countFitting({ groups }: Readonly<Room>, demand: Demand): number {
  let count = 0;
  for (const { kind, devices } of groups) {
    const milli = demand.milliOn(kind);
    if (milli === 0) continue;
    for (const { freeMilli } of devices) if (freeMilli >= milli && ++count === demand.gpuCount) return count;
  }
  return count;
}

/** The first GPUs that will do and are free as a whole, as many as it asks for. */
export function wholeDevices({ groups }: Room, demand: Demand): Device[] {
  const acceptable = groups.filter(({ kind }) => demand.milliOn(kind) > 0).flatMap(({ devices }) => devices);
  return acceptable.filter(({ freeMilli }) => freeMilli === WHOLE_GPU_MILLI).slice(0, demand.gpuCount);
}

export function take(room: Room, allocation: Allocation): void {
  change(room, allocation, -1);
}

/** A device that the node has lost meanwhile is not given back. */
export function give(room: Room, allocation: Allocation): void {
  change(room, allocation, 1);
}

function change(room: Room, allocation: Allocation, sign: 1 | -1): void {
  room.measured = null;
  room.cpuMilli += sign * allocation.cpuMilli;
  room.memoryBytes += sign * allocation.memoryBytes;
  for (const { gpuId, gpuMilli } of gpuSharesOf(allocation)) {
    const device = findDevice(room, gpuId);
    if (!device) continue;
    device.freeMilli += sign * gpuMilli;
    room.gpuMilli += sign * gpuMilli;
  }
}

function findDevice({ groups }: Room, id: string): Device | undefined {
  for (const { devices } of groups) for (const device of devices) if (device.id === id) return device;
  return undefined;
}
