import type { GpuDevice, GpuFault, MigInstance } from "@drover/shared/domain/gpu.ts";
import { CellTrouble } from "./parse/cell.ts";
import { normalizeModelName } from "./parse/model-name.ts";
import type { NvidiaProblem } from "./parse/nvidia-failure.ts";
import { NO_RECOVERY_NEEDED, type NvidiaGpuRow } from "./parse/nvidia-gpus.ts";
import type { NvidiaLinkCount } from "./parse/nvidia-links.ts";
import type { NvidiaListedGpu } from "./parse/nvidia-list.ts";
import type { NvidiaTable } from "./parse/nvidia-table.ts";
import type { NvidiaTopologyRow } from "./parse/nvidia-topology.ts";

/** Everything that nvidia-smi said in several ways. */
export interface NvidiaFacts {
  rows: readonly NvidiaGpuRow[];
  list: readonly NvidiaListedGpu[];
  topology: readonly NvidiaTopologyRow[];
  table: NvidiaTable | null;
  links: readonly NvidiaLinkCount[];
  problems: readonly NvidiaProblem[];
}

export interface GpuReading {
  gpus: GpuDevice[];
  faults: GpuFault[];
  warnings: string[];
}

/** Joins them: by index within this boot, by PCI address to the kernel, by UUID to everything that is kept. */
export function composeNvidia(facts: NvidiaFacts): GpuReading {
  const reading: GpuReading = { gpus: [], faults: [], warnings: [] };
  const idsByIndex = new Map(
    facts.rows.flatMap(({ index, uuid }) => (index === null || uuid === null ? [] : [[index, uuid]])),
  );
  for (const row of facts.rows) {
    if (row.uuid === null || row.index === null) {
      reading.warnings.push(`nvidia-smi: a GPU without an id: ${row.line}`);
      reading.faults.push({ gpuId: null, pciAddress: row.pciAddress, code: "gpuUnreachable", evidence: row.line });
      continue;
    }
    reading.gpus.push(deviceOf(row, row.uuid, row.index, idsByIndex, facts));
    reading.faults.push(...faultsOfRow(row, row.uuid));
  }
  for (const { index, pciAddress, trouble, line } of facts.table?.troubles ?? []) {
    const gpuId = idsByIndex.get(index) ?? null;
    // The table's `ERR!` is a field that the query answered with `[Unknown Error]`: one of both is enough.
    if (gpuId === null || !reading.faults.some((fault) => fault.gpuId === gpuId))
      reading.faults.push({ gpuId, pciAddress, code: trouble, evidence: line });
  }
  for (const { failure, evidence, pciAddress } of facts.problems) {
    const gpuId = reading.gpus.find((gpu) => pciAddress !== null && gpu.pciAddress === pciAddress)?.id ?? null;
    reading.faults.push({ gpuId, pciAddress, code: failure, evidence });
  }
  return reading;
}

function deviceOf(
  row: NvidiaGpuRow,
  id: string,
  index: number,
  idsByIndex: ReadonlyMap<number, string>,
  { list, topology, table, links }: NvidiaFacts,
): GpuDevice {
  const near = topology.find((other) => other.index === index);
  const listed = list.find(({ uuid }) => uuid === id);
  const model = row.name ?? listed?.name ?? "unknown";
  return {
    id,
    index,
    vendor: "nvidia",
    model,
    modelName: normalizeModelName(row.name ?? listed?.name ?? null, row.memoryTotalBytes),
    memoryBytes: row.memoryTotalBytes,
    driverVersion: row.driverVersion,
    computeCapability: row.computeCapability,
    pciAddress: row.pciAddress,
    numaNode: near?.numaNode ?? null,
    cpuAffinity: near?.cpuAffinity ?? null,
    isEccEnabled: row.isEccEnabled,
    powerLimitWatts: row.powerLimitWatts,
    pcieGenerationMax: row.pcieGenerationMax,
    pcieWidthMax: row.pcieWidthMax,
    isMigEnabled: row.isMigEnabled,
    migInstances: row.isMigEnabled === true ? migInstancesOf(index, listed, table) : [],
    links: Object.fromEntries(
      Object.entries(near?.links ?? {}).map(([other, link]) => [idsByIndex.get(Number(other)) ?? `GPU${other}`, link]),
    ),
    nicLinks: near?.nics ?? {},
    activeNvlinks: links.find(({ uuid }) => uuid === id)?.activeLinks ?? null,
  };
}

function migInstancesOf(index: number, listed: NvidiaListedGpu | undefined, table: NvidiaTable | null): MigInstance[] {
  return (listed?.migDevices ?? []).map(({ uuid, device, profile }) => {
    const use = table?.migDevices.find((mig) => mig.gpuIndex === index && mig.device === device);
    return {
      id: uuid,
      profile,
      gpuInstance: use?.gpuInstance ?? null,
      computeInstance: use?.computeInstance ?? null,
      memoryBytes: use?.memoryTotalBytes ?? null,
    };
  });
}

/** What a line about a GPU says of its health. The line as it is: who looks into it wants the tool's words. */
export function faultsOfRow(row: NvidiaGpuRow, gpuId: string): GpuFault[] {
  const { pciAddress, line } = row;
  const codes = new Set<string>(
    row.troubles.map(({ trouble }) => trouble).filter((trouble) => trouble !== CellTrouble.noPermission),
  );
  if (row.hasRemapFailed === true) codes.add("rowRemapFailed");
  if (row.isRemapPending === true) codes.add("rowRemapPending");
  if ((row.uncorrectedEccErrors ?? 0) > 0) codes.add("uncorrectedEcc");
  if (row.recoveryAction !== null && row.recoveryAction !== NO_RECOVERY_NEEDED) codes.add("recoveryNeeded");
  // An idle link runs slowly to save power; its width stays.
  if (row.pcieWidth !== null && row.pcieWidthMax !== null && row.pcieWidth < row.pcieWidthMax)
    codes.add("pcieLinkNarrow");
  return [...codes].map((code) => ({ gpuId, pciAddress, code, evidence: evidenceFor(code, row) ?? line }));
}

function evidenceFor(code: string, row: NvidiaGpuRow): string | null {
  if (code === "uncorrectedEcc") return `ecc.errors.uncorrected.volatile.total: ${row.uncorrectedEccErrors}`;
  if (code === "recoveryNeeded") return `gpu_recovery_action: ${row.recoveryAction}`;
  if (code === "pcieLinkNarrow") return `PCIe width x${row.pcieWidth} of x${row.pcieWidthMax}`;
  if (code === "rowRemapFailed") return "remapped_rows.failure: Yes";
  if (code === "rowRemapPending") return "remapped_rows.pending: Yes";
  const fields = row.troubles.filter(({ trouble }) => trouble === code).map(({ field }) => field);
  return `${code} in ${fields.slice(0, 5).join(", ")}: ${row.line}`.slice(0, 300);
}
