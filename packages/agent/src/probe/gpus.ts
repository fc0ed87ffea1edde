import type { GpuDevice } from "@drover/shared/domain/node.ts";
import { BYTES_PER_MIB } from "@drover/shared/units.ts";

export interface GpuReading {
  gpus: GpuDevice[];
  /** What could not be read, for the operator. */
  warnings: string[];
}

/** Fields that every driver since 2016 answers; one unknown field would fail the whole query. */
export const NVIDIA_SMI_ARGUMENTS = [
  "--query-gpu=index,uuid,name,memory.total,driver_version",
  "--format=csv,noheader,nounits",
];

/** What nvidia-smi puts where it has no value; such a cell is unknown, never zero. */
const PLACEHOLDER = /^(\[.*\]|N\/A|ERR!|)$/i;

/** Reads the answer to NVIDIA_SMI_ARGUMENTS: one line per GPU, cells parted by comma and space, memory in MiB. */
export function parseNvidiaSmi(stdout: string): GpuReading {
  const reading: GpuReading = { gpus: [], warnings: [] };
  for (const line of stdout.split("\n").map((raw) => raw.trim())) {
    if (line === "") continue;
    const gpu = parseGpuLine(line);
    if (gpu === null) reading.warnings.push(`nvidia-smi: ${line}`);
    else if (reading.gpus.some((other) => other.id === gpu.id))
      reading.warnings.push(`nvidia-smi: two GPUs say ${gpu.id}`);
    else reading.gpus.push(gpu);
  }
  return reading;
}

/** `null` where the GPU cannot be told apart from others: nothing could be given to a task by its id. */
function parseGpuLine(line: string): GpuDevice | null {
  const cells = line.split(", ").map((cell) => (PLACEHOLDER.test(cell.trim()) ? null : cell.trim()));
  const [index, id, model, memoryMib, driverVersion] = cells;
  if (cells.length !== 5 || !/^\d+$/.test(index ?? "") || !id?.startsWith("GPU-")) return null;
  return {
    id,
    index: Number(index),
    model: model ?? "unknown",
    memoryBytes: /^\d+$/.test(memoryMib ?? "") ? Number(memoryMib) * BYTES_PER_MIB : null,
    driverVersion: driverVersion ?? null,
  };
}

/** How nvidia-smi ended; `null` where there is no such program. */
export interface NvidiaSmiRun {
  exitCode: number | null;
  timedOut: boolean;
  stdout: string;
  stderr: string;
}

/** No program means no GPU. A program that fails means that there may be GPUs that nobody can use: say so. */
export function readGpus(run: NvidiaSmiRun | null): GpuReading {
  if (run === null) return { gpus: [], warnings: [] };
  if (run.timedOut) return { gpus: [], warnings: ["nvidia-smi: no answer in time; the driver may hang"] };
  if (run.exitCode === 0) return parseNvidiaSmi(run.stdout);
  const said = `${run.stdout}\n${run.stderr}`.trim().split("\n")[0]?.trim();
  return { gpus: [], warnings: [`nvidia-smi: ${said || `exit code ${run.exitCode}`}`] };
}
