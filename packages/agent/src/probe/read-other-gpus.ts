import type { GpuDevice, GpuVendor } from "@drover/shared/domain/gpu.ts";
import type { GpuReading } from "./compose-nvidia.ts";
import { parseAmdSmiList, parseAmdSmiStatic } from "./parse/amd-smi.ts";
import { normalizeModelName } from "./parse/model-name.ts";
import type { ToolRun } from "./parse/nvidia-failure.ts";
import type { OtherGpu } from "./parse/other-gpu.ts";
import { parseRocmSmi } from "./parse/rocm-smi.ts";
import { parseXpuSmi } from "./parse/xpu-smi.ts";
import type { RunTool } from "./run-tool.ts";

const TIMEOUT_MS = 10_000;

/** amd-smi knows the memory, rocm-smi the load and the id that ROCm's own libraries use; either may be missing. */
export async function readAmd(amdSmi: string, rocmSmi: string, run: RunTool): Promise<GpuReading> {
  const [facts, list, rocm] = await Promise.all([
    run(amdSmi, ["static", "--asic", "--vram", "--bus", "--driver", "--json"], TIMEOUT_MS),
    run(amdSmi, ["list", "--json"], TIMEOUT_MS),
    run(rocmSmi, ["-a", "--showmeminfo", "vram", "--json"], TIMEOUT_MS),
  ]);
  if (facts === null && rocm === null) return { gpus: [], faults: [], warnings: [] };
  const fromAmd = answered(facts) ? parseAmdSmiStatic(facts.stdout).value : [];
  const fromRocm = answered(rocm) ? parseRocmSmi(rocm.stdout).value : [];
  const uuids = answered(list) ? parseAmdSmiList(list.stdout) : new Map<number, string>();
  const gpus = (fromAmd.length > 0 ? fromAmd : fromRocm).map((gpu) => {
    const twin = fromRocm.find(({ pciAddress }) => pciAddress !== null && pciAddress === gpu.pciAddress);
    const filled: OtherGpu = {
      ...gpu,
      driverVersion: gpu.driverVersion ?? twin?.driverVersion ?? null,
      memoryTotalBytes: gpu.memoryTotalBytes ?? twin?.memoryTotalBytes ?? null,
      powerLimitWatts: gpu.powerLimitWatts ?? twin?.powerLimitWatts ?? null,
      numaNode: gpu.numaNode ?? twin?.numaNode ?? null,
    };
    return deviceOf("amd", filled, rocrIdOf(twin?.uuid ?? gpu.uuid) ?? uuids.get(gpu.index) ?? null);
  });
  return readingOf("amd", gpus, [facts ?? rocm]);
}

/** Only the answer for a single device names its memory and driver. */
export async function readIntel(xpuSmi: string, run: RunTool): Promise<GpuReading> {
  const list = await run(xpuSmi, ["discovery", "-j"], TIMEOUT_MS);
  if (list === null) return { gpus: [], faults: [], warnings: [] };
  const gpus: GpuDevice[] = [];
  for (const listed of answered(list) ? parseXpuSmi(list.stdout).value : []) {
    const detail = await run(xpuSmi, ["discovery", "-d", String(listed.index), "-j"], TIMEOUT_MS);
    const told = answered(detail) ? parseXpuSmi(detail.stdout).value[0] : undefined;
    const filled = {
      ...listed,
      driverVersion: told?.driverVersion ?? listed.driverVersion,
      memoryTotalBytes: told?.memoryTotalBytes ?? listed.memoryTotalBytes,
    };
    gpus.push(deviceOf("intel", filled, listed.uuid));
  }
  return readingOf("intel", gpus, [list]);
}

/** `0x4edfb117a17a07d` → `GPU-04edfb117a17a07d`: as ROCR_VISIBLE_DEVICES wants it. */
function rocrIdOf(uniqueId: string | null): string | null {
  const digits = /^0x([0-9a-f]{1,16})$/i.exec(uniqueId ?? "")?.[1];
  return digits === undefined ? null : `GPU-${digits.toLowerCase().padStart(16, "0")}`;
}

function deviceOf(vendor: GpuVendor, gpu: OtherGpu, uuid: string | null): GpuDevice {
  return {
    // A slot stays the same over reboots as long as nobody moves the card.
    id: uuid ?? `${vendor}-${gpu.pciAddress ?? gpu.index}`,
    index: gpu.index,
    vendor,
    model: gpu.name ?? "unknown",
    modelName: normalizeModelName(gpu.name, gpu.memoryTotalBytes),
    memoryBytes: gpu.memoryTotalBytes,
    driverVersion: gpu.driverVersion,
    computeCapability: null,
    pciAddress: gpu.pciAddress,
    numaNode: gpu.numaNode,
    cpuAffinity: null,
    isEccEnabled: null,
    powerLimitWatts: gpu.powerLimitWatts,
    pcieGenerationMax: null,
    pcieWidthMax: null,
    isMigEnabled: null,
    migInstances: [],
    links: {},
    nicLinks: {},
    activeNvlinks: null,
  };
}

function answered(run: ToolRun | null): run is ToolRun {
  return run !== null && !run.timedOut && run.stdout !== "";
}

/** A tool that is there and names no GPU has a reason, and the reason is worth a line. */
function readingOf(vendor: GpuVendor, gpus: GpuDevice[], runs: readonly (ToolRun | null)[]): GpuReading {
  const distinct = gpus.filter((gpu, i) => gpus.findIndex(({ id }) => id === gpu.id) === i);
  const said = runs.map((run) => (run?.timedOut ? "no answer in time" : firstLineOf(run)));
  const warnings = distinct.length > 0 ? [] : said.filter((line) => line !== null).map((line) => `${vendor}: ${line}`);
  return { gpus: distinct, faults: [], warnings };
}

function firstLineOf(run: ToolRun | null): string | null {
  const line = `${run?.stderr ?? ""}\n${run?.stdout ?? ""}`.split("\n").find((text) => text.trim() !== "");
  return line === undefined ? null : line.trim().slice(0, 200);
}
