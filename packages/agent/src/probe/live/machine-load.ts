import type { Clock } from "@drover/shared/clock.ts";
import type { Pressure, TransferRates } from "@drover/shared/domain/gpu-load.ts";
import type { NodeLoad } from "@drover/shared/domain/node.ts";
import type { MachineFiles } from "../machine-files.ts";
import { parseCpuTicks, parseDiskBytes, parseNetworkBytes, parsePressure, parseSwapUsed } from "../parse/load.ts";

export type MachineLoad = Pick<NodeLoad, "cpuUsedMilli" | "swapUsedBytes" | "pressure" | "rates">;

interface Counters {
  atMs: number;
  cpu: { busy: number; total: number } | null;
  disk: { read: number; written: number };
  network: { received: number; sent: number };
}

/** Each call tells what happened since the last one: seven small files of /proc, well under a millisecond. */
export function createMachineLoadReader(files: MachineFiles, clock: Clock, threads: number): () => MachineLoad {
  let last = readCounters(files, clock);
  return () => {
    const now = readCounters(files, clock);
    const load = {
      cpuUsedMilli: cpuUsedMilli(last, now, threads),
      swapUsedBytes: parseSwapUsed(files.read("/proc/meminfo")),
      pressure: readPressure(files),
      rates: ratesBetween(last, now),
    };
    last = now;
    return load;
  };
}

function readCounters(files: MachineFiles, clock: Clock): Counters {
  return {
    atMs: clock.monotonicMs(),
    cpu: parseCpuTicks(files.read("/proc/stat")),
    disk: parseDiskBytes(files.read("/proc/diskstats")),
    network: parseNetworkBytes(files.read("/proc/net/dev")),
  };
}

function cpuUsedMilli({ cpu: before }: Counters, { cpu: after }: Counters, threads: number): number | null {
  if (before === null || after === null || after.total <= before.total) return null;
  const ratio = (after.busy - before.busy) / (after.total - before.total);
  return Math.round(Math.min(1, Math.max(0, ratio)) * threads * 1000);
}

function ratesBetween(before: Counters, after: Counters): TransferRates | null {
  const seconds = (after.atMs - before.atMs) / 1000;
  if (seconds <= 0) return null;
  // A device that was taken away takes its count with it.
  const rate = (a: number, b: number) => Math.max(0, Math.round((b - a) / seconds));
  return {
    diskReadBytesPerSecond: rate(before.disk.read, after.disk.read),
    diskWriteBytesPerSecond: rate(before.disk.written, after.disk.written),
    networkReceiveBytesPerSecond: rate(before.network.received, after.network.received),
    networkSendBytesPerSecond: rate(before.network.sent, after.network.sent),
  };
}

function readPressure(files: MachineFiles): Pressure | null {
  const cpuPercent = parsePressure(files.read("/proc/pressure/cpu"));
  const memoryPercent = parsePressure(files.read("/proc/pressure/memory"));
  const ioPercent = parsePressure(files.read("/proc/pressure/io"));
  if (cpuPercent === null || memoryPercent === null || ioPercent === null) return null;
  return { cpuPercent, memoryPercent, ioPercent };
}
