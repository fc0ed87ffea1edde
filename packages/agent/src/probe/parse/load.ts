import { BYTES_PER_KIB } from "@drover/shared/units.ts";
import { parseMemInfo } from "./memory.ts";

/** The first line of /proc/stat: clock ticks since boot that processors were busy, and in all. */
export function parseCpuTicks(stat: string | null): { busy: number; total: number } | null {
  const numbers = /^cpu\s+([\d ]{1,200})$/m
    .exec(stat ?? "")?.[1]
    ?.trim()
    .split(/\s+/)
    .map(Number);
  if (numbers === undefined || numbers.length < 5) return null;
  // user nice system idle iowait irq softirq steal; what comes after is counted in user already.
  const counted = numbers.slice(0, 8);
  const total = counted.reduce((sum, ticks) => sum + ticks, 0);
  return { total, busy: total - (numbers[3] ?? 0) - (numbers[4] ?? 0) };
}

export function parseSwapUsed(memInfo: string | null): number | null {
  const total = parseMemInfo(memInfo, "SwapTotal");
  const free = parseMemInfo(memInfo, "SwapFree");
  return total === null || free === null ? null : Math.max(0, total - free);
}

/** `some avg10=1.23 …` of a file in /proc/pressure: the part of ten seconds in which somebody waited. */
export function parsePressure(text: string | null): number | null {
  const percent = Number(/^some avg10=(\d{1,3}\.\d{1,4}) /m.exec(text ?? "")?.[1] ?? Number.NaN);
  return percent >= 0 && percent <= 100 ? percent : null;
}

/** Bytes read and written since boot by all disks of /proc/diskstats, without those that are parts of others. */
export function parseDiskBytes(diskStats: string | null): { read: number; written: number } {
  const sum = { read: 0, written: 0 };
  for (const line of (diskStats ?? "").split("\n", 5000)) {
    const [, , name = "", , , sectorsRead, , , , sectorsWritten] = line.trim().split(/\s+/);
    if (!/^(sd[a-z]{1,3}|vd[a-z]{1,3}|xvd[a-z]{1,3}|hd[a-z]|nvme\d{1,3}n\d{1,3}|mmcblk\d{1,3})$/.test(name)) continue;
    sum.read += sectorBytes(sectorsRead);
    sum.written += sectorBytes(sectorsWritten);
  }
  return sum;
}

/** Always 512, whatever the disk's own sectors are. */
function sectorBytes(sectors: string | undefined): number {
  const count = Number(sectors);
  return Number.isSafeInteger(count) ? (count * BYTES_PER_KIB) / 2 : 0;
}

/** Bytes received and sent since boot by all of /proc/net/dev but loopback and what is made for guests. */
export function parseNetworkBytes(netDev: string | null): { received: number; sent: number } {
  const sum = { received: 0, sent: 0 };
  for (const line of (netDev ?? "").split("\n", 5000)) {
    const [name = "", counters = ""] = line.trim().split(":");
    const numbers = counters.trim().split(/\s+/).map(Number);
    if (numbers.length < 16 || OF_GUESTS.test(name)) continue;
    sum.received += numbers[0] ?? 0;
    sum.sent += numbers[8] ?? 0;
  }
  return sum;
}

/** Made by container runtimes and hypervisors for their guests: nobody reaches this machine by them. */
export const OF_GUESTS = /^(lo|ifb\d|docker\d*|br-|veth|virbr|cni|podman|flannel|cali|lxc|tap|fwbr|fwpr|fwln|vmnet)/;
