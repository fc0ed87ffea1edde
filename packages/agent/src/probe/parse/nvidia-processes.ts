import { valueOf, wholeNumberOf } from "./cell.ts";
import { MAX_PID, mebibytesOf } from "./limits.ts";
import { gpuUuidOf } from "./nvidia-gpus.ts";
import { linesOf, nameOf, warn, type Reading } from "./text.ts";

export interface NvidiaProcess {
  /** Of the whole GPU, also where the process runs in a MIG instance. */
  gpuUuid: string;
  /** `null` where the driver may not say. In a container it may be a number of the host's. */
  pid: number | null;
  name: string | null;
  memoryBytes: number | null;
}

/** Reads the CSV of `--query-compute-apps=…`, with or without more columns before `gpu_uuid`, and its heading. */
export function parseNvidiaProcesses(text: string): Reading<NvidiaProcess[]> {
  const reading: Reading<NvidiaProcess[]> = { value: [], warnings: [] };
  for (const line of linesOf(text)) {
    if (line.trim() === "" || /(^|, )gpu_uuid(,|$)/.test(line)) continue;
    const cells = line.split(",").map((cell) => cell.trim());
    const uuidAt = cells.findIndex((cell) => gpuUuidOf(cell) !== null);
    const gpuUuid = gpuUuidOf(cells[uuidAt]);
    if (gpuUuid === null || cells.length < uuidAt + 4) {
      warn(reading.warnings, `nvidia-smi: ${line}`);
      continue;
    }
    reading.value.push({
      gpuUuid,
      pid: wholeNumberOf(cells[uuidAt + 1], MAX_PID),
      name: nameOf(valueOf(cells.slice(uuidAt + 2, -1).join(", "))),
      memoryBytes: mebibytesOf(cells.at(-1)),
    });
  }
  return reading;
}
