import { valueOf, wholeNumberOf } from "./cell.ts";
import { jsonIn, listOf, objectOf, textOf } from "./json.ts";
import { MAX_GPU_MEMORY_BYTES, MAX_INDEX } from "./limits.ts";
import type { OtherGpu } from "./other-gpu.ts";
import { normalizePciAddress } from "./pci-address.ts";
import { nameOf, warn, type Reading } from "./text.ts";

/** Reads `xpu-smi discovery -j`, and `discovery -d N -j`, which alone tells memory and driver. */
export function parseXpuSmi(text: string): Reading<OtherGpu[]> {
  const reading: Reading<OtherGpu[]> = { value: [], warnings: [] };
  const root = objectOf(jsonIn(text));
  const entries = Array.isArray(root["device_list"]) ? listOf(root["device_list"]) : [root];
  for (const entry of entries) {
    const device = objectOf(entry);
    const index = wholeNumberOf(textOf(device["device_id"]), MAX_INDEX);
    if (index === null) continue;
    reading.value.push({
      index,
      uuid: nameOf(valueOf(textOf(device["uuid"]))),
      name: nameOf(valueOf(textOf(device["device_name"]))),
      pciAddress: normalizePciAddress(textOf(device["pci_bdf_address"])),
      driverVersion: nameOf(valueOf(textOf(device["driver_version"]))),
      memoryTotalBytes: wholeNumberOf(textOf(device["memory_physical_size_byte"]), MAX_GPU_MEMORY_BYTES),
      memoryUsedBytes: null,
      utilizationPercent: null,
      temperatureCelsius: null,
      powerWatts: null,
      powerLimitWatts: null,
      numaNode: null,
    });
  }
  if (reading.value.length === 0) warn(reading.warnings, "xpu-smi: its answer names no device");
  return reading;
}
