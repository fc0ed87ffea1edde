import { troubleOf, wholeNumberOf, type CellTrouble } from "./cell.ts";
import { MAX_INDEX, MAX_PID, mebibytesOf } from "./limits.ts";
import { normalizePciAddress } from "./pci-address.ts";
import { excerptOf, linesOf } from "./text.ts";

export interface NvidiaTable {
  driverVersion: string | null;
  /** The newest CUDA that this driver can run. */
  cudaVersion: string | null;
  /** GPUs of which a cell says `ERR!`. */
  troubles: { index: number; pciAddress: string | null; trouble: CellTrouble; line: string }[];
  migDevices: NvidiaMigUse[];
  migProcesses: {
    gpuIndex: number;
    gpuInstance: number;
    computeInstance: number;
    pid: number;
    memoryBytes: number | null;
  }[];
}

/** What only the table says of a MIG instance, joined to the list by GPU index and device. */
export interface NvidiaMigUse {
  gpuIndex: number;
  gpuInstance: number;
  computeInstance: number;
  device: number;
  memoryUsedBytes: number | null;
  memoryTotalBytes: number | null;
}

const GPU_ROW = /^\|\s{1,4}(\d{1,4})\s{2}.{1,80}\|\s+([0-9A-F:.]{7,20})\s+(On|Off|N\/A)\s*\|/i;
const MIG_ROW = /^\|\s+(\d{1,3})\s+(\d{1,3})\s+(\d{1,3})\s+(\d{1,3})\s+\|\s+(\d{1,9})MiB \/\s+(\d{1,9})MiB\s+\|/;
const PROCESS_ROW = /^\|\s+(\d{1,3})\s+(\d{1,3})\s+(\d{1,3})\s+(\d{1,10})\s+\S{1,8}\s{1,9}.{1,120}?\s(\S{1,20})\s+\|$/;

/**
 * Reads `nvidia-smi` without options: made for people, but the only place that tells of MIG instances' memory. The
 * versions are read from `nvidia-smi --version` too.
 */
export function parseNvidiaTable(text: string): NvidiaTable {
  const table: NvidiaTable = { driverVersion: null, cudaVersion: null, troubles: [], migDevices: [], migProcesses: [] };
  let gpu: { index: number; pciAddress: string | null } | null = null;
  for (const line of linesOf(text)) {
    const gpuRow = GPU_ROW.exec(line);
    const migRow = MIG_ROW.exec(line);
    const processRow = PROCESS_ROW.exec(line);
    if (gpuRow) gpu = { index: Math.min(Number(gpuRow[1]), MAX_INDEX), pciAddress: normalizePciAddress(gpuRow[2]) };
    else if (migRow) addMigDevice(table, migRow);
    else if (processRow) addMigProcess(table, processRow);
    else if (gpu !== null) addTrouble(table, gpu, line);
    table.driverVersion ??= /(?:Driver|KMD) Version\s{0,9}:\s{0,9}(\d[\d.]{0,31})/i.exec(line)?.[1] ?? null;
    table.cudaVersion ??= /CUDA(?: UMD)? Version\s{0,9}:\s{0,9}(\d[\d.]{0,31})/i.exec(line)?.[1] ?? null;
    if (line.startsWith("+")) gpu = null;
  }
  return table;
}

function addTrouble(table: NvidiaTable, gpu: { index: number; pciAddress: string | null }, line: string): void {
  const word = /\|\s{0,9}(ERR!)|\s(ERR!)\s/.exec(line);
  const trouble = troubleOf(word?.[1] ?? word?.[2] ?? "");
  if (trouble !== null) table.troubles.push({ ...gpu, trouble, line: excerptOf(line) });
}

function addMigDevice(table: NvidiaTable, [, ...cells]: RegExpExecArray): void {
  const [gpuIndex = 0, gpuInstance = 0, computeInstance = 0, device = 0] = cells.map(Number);
  const [memoryUsedBytes = null, memoryTotalBytes = null] = cells.slice(4).map(mebibytesOf);
  table.migDevices.push({ gpuIndex, gpuInstance, computeInstance, device, memoryUsedBytes, memoryTotalBytes });
}

function addMigProcess(table: NvidiaTable, [, ...cells]: RegExpExecArray): void {
  const [gpuIndex = 0, gpuInstance = 0, computeInstance = 0] = cells.map(Number);
  const pid = wholeNumberOf(cells[3], MAX_PID);
  if (pid === null) return;
  table.migProcesses.push({ gpuIndex, gpuInstance, computeInstance, pid, memoryBytes: mebibytesOf(cells[4]) });
}
