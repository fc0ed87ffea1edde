import { decimalOf, valueOf, wholeNumberOf } from "./cell.ts";
import { jsonIn, member, objectOf, textOf, type JsonObject } from "./json.ts";
import { MAX_CELSIUS, MAX_GPU_MEMORY_BYTES, MAX_INDEX, MAX_PERCENT, MAX_WATTS } from "./limits.ts";
import type { OtherGpu } from "./other-gpu.ts";
import { normalizePciAddress } from "./pci-address.ts";
import { nameOf, warn, type Reading } from "./text.ts";

/** No NUMA node: -1, printed without its sign. */
const NO_NUMA_NODE = 4294967295;

/** Reads `rocm-smi --json`: an object per card whose labels change between releases, all values as text. */
export function parseRocmSmi(text: string): Reading<OtherGpu[]> {
  const reading: Reading<OtherGpu[]> = { value: [], warnings: [] };
  const root = objectOf(jsonIn(text));
  const driverVersion = nameOf(textOf(member(objectOf(root["system"]), "Driver version")));
  for (const [key, value] of Object.entries(root)) {
    const index = wholeNumberOf(/^card(\d{1,4})$/.exec(key)?.[1], MAX_INDEX);
    if (index !== null) reading.value.push(gpuOf(index, objectOf(value), driverVersion));
  }
  if (reading.value.length === 0) warn(reading.warnings, "rocm-smi: its answer names no card");
  return reading;
}

function gpuOf(index: number, card: JsonObject, driverVersion: string | null): OtherGpu {
  const cell = (...labels: readonly string[]) => textOf(member(card, ...labels));
  const numaNode = decimalOf(cell("(Topology) Numa Node"), NO_NUMA_NODE);
  return {
    index,
    uuid: nameOf(valueOf(cell("Unique ID"))),
    // What is sold: "Navi 22 [Radeon RX 6700/6700 XT / 6800M]", "Radeon Instinct MI50 32GB".
    name: nameOf(valueOf(cell("Card series", "Card Model", "Device Name"))),
    pciAddress: normalizePciAddress(valueOf(cell("PCI Bus"))),
    driverVersion,
    memoryTotalBytes: wholeNumberOf(cell("VRAM Total Memory (B)"), MAX_GPU_MEMORY_BYTES),
    memoryUsedBytes: wholeNumberOf(cell("VRAM Total Used Memory (B)"), MAX_GPU_MEMORY_BYTES),
    utilizationPercent: wholeNumberOf(cell("GPU use (%)"), MAX_PERCENT),
    temperatureCelsius: wholeNumberOf(
      cell("Temperature (Sensor junction) (C)", "Temperature (Sensor edge) (C)"),
      MAX_CELSIUS,
    ),
    powerWatts: decimalOf(
      cell("Average Graphics Package Power (W)", "Current Socket Graphics Package Power (W)"),
      MAX_WATTS,
    ),
    powerLimitWatts: decimalOf(cell("Max Graphics Package Power (W)"), MAX_WATTS),
    numaNode: numaNode === null || numaNode > MAX_INDEX ? null : numaNode,
  };
}
