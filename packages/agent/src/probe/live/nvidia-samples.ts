import type { GpuDevice } from "@drover/shared/domain/gpu.ts";
import type { GpuLoad, GpuProcess } from "@drover/shared/domain/gpu-load.ts";
import { parseNvidiaGpus, type NvidiaGpuRow } from "../parse/nvidia-gpus.ts";
import { parseNvidiaProcesses, type NvidiaProcess } from "../parse/nvidia-processes.ts";
import { parseNvidiaTable, type NvidiaMigUse, type NvidiaTable } from "../parse/nvidia-table.ts";
import type { GpuUse } from "./gpu-use.ts";
import type { ProcessOwner } from "./process-owners.ts";

/** How often nvidia-smi is to speak. */
export const SAMPLE_INTERVAL_MS = 5_000;
/** What was not said again in this time is no longer so: a process ended. */
const FORGET_PROCESS_AFTER_MS = SAMPLE_INTERVAL_MS * 2.5;
/** A GPU fell silent. Longer than a tool that says nothing at all is waited for: that is another matter. */
const FORGET_GPU_AFTER_MS = SAMPLE_INTERVAL_MS * 5;

interface Seen<T> {
  value: T;
  atMs: number;
}

/**
 * Joins the lines of the long-lived nvidia-smi processes. Their rounds have no end mark, so nothing waits for one:
 * each line stands for itself, and counts until it was not repeated for long enough.
 */
export class NvidiaSamples {
  readonly #rows = new Map<string, Seen<NvidiaGpuRow>>();
  readonly #processes = new Map<string, Seen<NvidiaProcess>>();
  readonly #migUses = new Map<string, Seen<NvidiaMigUse>>();
  readonly #migProcesses = new Map<number, Seen<NvidiaTable["migProcesses"][number]>>();

  takeGpuLine(line: string, fields: readonly string[], nowMs: number): void {
    for (const row of parseNvidiaGpus(line, fields).value)
      if (row.uuid !== null) this.#rows.set(row.uuid, { value: row, atMs: nowMs });
  }

  takeProcessLine(line: string, nowMs: number): void {
    for (const process of parseNvidiaProcesses(line).value)
      this.#processes.set(`${process.gpuUuid} ${process.pid}`, { value: process, atMs: nowMs });
  }

  /** A line of the table, which alone tells of MIG instances. */
  takeTableLine(line: string, nowMs: number): void {
    const { migDevices, migProcesses } = parseNvidiaTable(line);
    for (const use of migDevices) this.#migUses.set(`${use.gpuIndex}/${use.device}`, { value: use, atMs: nowMs });
    for (const process of migProcesses) this.#migProcesses.set(process.pid, { value: process, atMs: nowMs });
  }

  /** The newest line about each GPU; one that fell silent is not among them. */
  rows(nowMs: number): NvidiaGpuRow[] {
    return current(this.#rows, FORGET_GPU_AFTER_MS, nowMs);
  }

  loads(gpus: readonly GpuDevice[], ownerOf: (pid: number) => ProcessOwner, nowMs: number): GpuLoad[] {
    const rows = this.rows(nowMs);
    const processes = current(this.#processes, FORGET_PROCESS_AFTER_MS, nowMs);
    const migUses = current(this.#migUses, FORGET_GPU_AFTER_MS, nowMs);
    const migProcesses = current(this.#migProcesses, FORGET_PROCESS_AFTER_MS, nowMs);
    const instanceOf = (gpu: GpuDevice, pid: number | null) => {
      const place = migProcesses.find((one) => one.gpuIndex === gpu.index && one.pid === pid);
      const instance = gpu.migInstances.find(
        (mig) => mig.gpuInstance === place?.gpuInstance && mig.computeInstance === place?.computeInstance,
      );
      return place === undefined ? null : (instance?.id ?? null);
    };
    return gpus.map((gpu) => {
      const row = rows.find(({ uuid }) => uuid === gpu.id);
      const holders = processes.filter(({ gpuUuid }) => gpuUuid === gpu.id);
      return {
        id: gpu.id,
        utilizationPercent: row?.utilizationPercent ?? null,
        memoryUsedBytes: row?.memoryUsedBytes ?? null,
        temperatureCelsius: row?.temperatureCelsius ?? null,
        powerWatts: row?.powerWatts ?? null,
        smClockMhz: row?.smClockMhz ?? null,
        throttleReasons: row?.throttleReasons ?? [],
        migInstances: gpu.migInstances.map(({ id, gpuInstance, computeInstance }) => ({
          id,
          memoryUsedBytes:
            migUses.find(
              (use) =>
                use.gpuIndex === gpu.index &&
                use.gpuInstance === gpuInstance &&
                use.computeInstance === computeInstance,
            )?.memoryUsedBytes ?? null,
        })),
        processes: holders.map((holder) => processOf(holder, instanceOf(gpu, holder.pid), ownerOf)),
      };
    });
  }

  /** The same by what can be given away, with when it was said. */
  uses(gpus: readonly GpuDevice[], ownerOf: (pid: number) => ProcessOwner, nowMs: number): GpuUse[] {
    return this.loads(gpus, ownerOf, nowMs).flatMap((load): GpuUse[] => {
      const gpu = gpus.find(({ id }) => id === load.id);
      if (gpu?.isMigEnabled !== true) return [{ ...load, saidAtMs: this.#rows.get(load.id)?.atMs ?? null }];
      return gpu.migInstances.map(({ id, gpuInstance, computeInstance }) => {
        const said = [...this.#migUses.values()].find(
          ({ value }) =>
            value.gpuIndex === gpu.index &&
            value.gpuInstance === gpuInstance &&
            value.computeInstance === computeInstance,
        );
        return {
          id,
          memoryUsedBytes: said?.value.memoryUsedBytes ?? null,
          saidAtMs: said?.atMs ?? null,
          processes: load.processes.filter(({ migInstanceId }) => migInstanceId === id),
        };
      });
    });
  }
}

function processOf(
  { pid, name, memoryBytes }: NvidiaProcess,
  migInstanceId: string | null,
  ownerOf: (pid: number) => ProcessOwner,
): GpuProcess {
  const owner = pid === null ? null : ownerOf(pid);
  return {
    pid,
    memoryBytes,
    command: owner?.command ?? name,
    user: owner?.user ?? null,
    attemptId: owner?.attemptId ?? null,
    migInstanceId,
  };
}

function current<K, T>(seen: Map<K, Seen<T>>, forgetAfterMs: number, nowMs: number): T[] {
  for (const [key, { atMs }] of seen) if (nowMs - atMs > forgetAfterMs) seen.delete(key);
  return [...seen.values()].map(({ value }) => value);
}
