import type { GpuDevice } from "@drover/shared/domain/gpu.ts";
import { renderTable, type Column } from "./table.ts";

/** Who lies near whom: a row and a column for each GPU, then network cards and CPUs. Empty for a single GPU. */
export function renderTopology(gpus: readonly GpuDevice[], width: number | null): string {
  if (!gpus.some(({ links }) => Object.keys(links).length > 0)) return "";
  const nics = [...new Set(gpus.flatMap(({ nicLinks }) => Object.keys(nicLinks)))].toSorted();
  const columns: Column<GpuDevice>[] = [
    { title: "", cell: ({ index }) => `gpu ${index}` },
    ...gpus.map((other): Column<GpuDevice> => ({
      title: String(other.index),
      cell: ({ id, links }) => (id === other.id ? "·" : (links[other.id] ?? "?")),
    })),
    ...nics.map((nic): Column<GpuDevice> => ({ title: nic, cell: ({ nicLinks }) => nicLinks[nic] ?? "?" })),
    { title: "NUMA", cell: ({ numaNode }) => (numaNode === null ? "?" : String(numaNode)) },
    { title: "CPUS", cell: ({ cpuAffinity }) => cpuAffinity ?? "?", shrinkTo: 6 },
  ];
  return renderTable(columns, gpus, width);
}
