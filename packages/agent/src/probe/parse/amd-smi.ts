import { valueOf, wholeNumberOf } from "./cell.ts";
import { jsonIn, listOf, member, objectOf, textOf } from "./json.ts";
import { MAX_GPU_MEMORY_BYTES, MAX_INDEX } from "./limits.ts";
import type { OtherGpu } from "./other-gpu.ts";
import { normalizePciAddress } from "./pci-address.ts";
import { nameOf, warn, type Reading } from "./text.ts";

/** amd-smi says MB and means 2^20 bytes: an MI300X of 192 GiB has 196592 of them. */
const UNIT_BYTES: Readonly<Record<string, number>> = { b: 1, kb: 1024, mb: 1024 ** 2, gb: 1024 ** 3 };

/** Reads `amd-smi static --json`: a list in ROCm 6, wrapped in `gpu_data` since ROCm 7. */
export function parseAmdSmiStatic(text: string): Reading<OtherGpu[]> {
  const reading: Reading<OtherGpu[]> = { value: [], warnings: [] };
  for (const entry of entriesOf(text)) {
    const gpu = objectOf(entry);
    const index = wholeNumberOf(textOf(gpu["gpu"]), MAX_INDEX);
    if (index === null) continue;
    const driver = objectOf(member(gpu, "driver"));
    reading.value.push({
      index,
      uuid: null,
      name: nameOf(valueOf(textOf(member(objectOf(member(gpu, "asic")), "market_name")))),
      pciAddress: normalizePciAddress(textOf(member(objectOf(member(gpu, "bus")), "bdf"))),
      driverVersion: nameOf(valueOf(textOf(member(driver, "version", "driver_version")))),
      memoryTotalBytes: bytesOf(member(objectOf(member(gpu, "vram")), "size"), "mb"),
      memoryUsedBytes: null,
      utilizationPercent: null,
      temperatureCelsius: null,
      powerWatts: null,
      powerLimitWatts: null,
      numaNode: null,
    });
  }
  if (reading.value.length === 0) warn(reading.warnings, "amd-smi: its answer names no GPU");
  return reading;
}

/** Reads `amd-smi list --json`: each GPU's UUID, by index. */
export function parseAmdSmiList(text: string): ReadonlyMap<number, string> {
  const uuids = new Map<number, string>();
  for (const entry of entriesOf(text)) {
    const gpu = objectOf(entry);
    const index = wholeNumberOf(textOf(gpu["gpu"]), MAX_INDEX);
    const uuid = nameOf(valueOf(textOf(gpu["uuid"])));
    if (index !== null && uuid !== null) uuids.set(index, uuid);
  }
  return uuids;
}

function entriesOf(text: string): readonly unknown[] {
  const root = jsonIn(text);
  return Array.isArray(root) ? listOf(root) : listOf(objectOf(root)["gpu_data"]);
}

/** `{ "value": 196592, "unit": "MB" }`, where ROCm 7 may leave out the unit. */
function bytesOf(size: unknown, defaultUnit: string): number | null {
  const { value, unit } = objectOf(size);
  const factor = UNIT_BYTES[(textOf(unit) ?? defaultUnit).toLowerCase()];
  if (factor === undefined) return null;
  const count = wholeNumberOf(textOf(value), MAX_GPU_MEMORY_BYTES / factor);
  return count === null ? null : count * factor;
}
