import { MAX_INDEX } from "./limits.ts";
import { excerptOf, linesOf, warn, type Reading } from "./text.ts";

export interface NvidiaTopologyRow {
  index: number;
  /** To every other GPU, by index: `NV12` (that many NVLinks), `PIX`, `PXB`, `PHB`, `NODE` or `SYS`; nearest first. */
  links: Record<number, string>;
  /** To network cards, by name: where a network lies near a GPU, gangs want that GPU. */
  nics: Record<string, string>;
  /** A CPU list such as `0-19,80-99`. */
  cpuAffinity: string | null;
  numaNode: number | null;
}

const LINK = /^(NV\d{1,3}|PIX|PXB|PHB|NODE|SYS)$/;

/** Reads `nvidia-smi topo -m`: a table with one row per device, then legends that say how NICs are called. */
export function parseNvidiaTopology(text: string): Reading<NvidiaTopologyRow[]> {
  const reading: Reading<NvidiaTopologyRow[]> = { value: [], warnings: [] };
  const lines = linesOf(text);
  const headingAt = lines.findIndex((line) => /^\s*GPU0\s/.test(line) || /^\s+GPU\d/.test(line));
  if (headingAt < 0) {
    const said = lines.find((line) => line.trim() !== "");
    if (said !== undefined) warn(reading.warnings, `nvidia-smi topo: ${said}`);
    return reading;
  }
  const devices = (lines[headingAt] ?? "").match(/\b(GPU\d+|NIC\d+|[a-z][a-z0-9]*_\d+)\b/g) ?? [];
  const nicNames = nicNamesOf(lines);
  for (const line of lines.slice(headingAt + 1)) {
    if (/^\s*(NIC )?Legend/.test(line)) break;
    const index = /^GPU(\d{1,4})\s/.exec(line)?.[1];
    if (index === undefined) continue;
    const row = rowOf(Number(index), line, devices, nicNames);
    if (row === null || Number(index) > MAX_INDEX) warn(reading.warnings, `nvidia-smi topo: ${excerptOf(line)}`);
    else reading.value.push(row);
  }
  return reading;
}

function rowOf(
  index: number,
  line: string,
  devices: readonly string[],
  nicNames: ReadonlyMap<string, string>,
): NvidiaTopologyRow | null {
  const cells = line.trim().split(/\s+/).slice(1);
  if (cells.length < devices.length) return null;
  const row: NvidiaTopologyRow = { index, links: {}, nics: {}, cpuAffinity: null, numaNode: null };
  for (const [i, device] of devices.entries()) {
    const cell = cells[i] ?? "";
    if (cell === "X") continue;
    if (!LINK.test(cell)) return null;
    const other = /^GPU(\d{1,4})$/.exec(device)?.[1];
    if (other !== undefined) row.links[Number(other)] = cell;
    else row.nics[nicNames.get(device) ?? device] = cell;
  }
  const [cpus, numaNode] = cells.slice(devices.length);
  if (/^\d{1,5}(-\d{1,5})?(,\d{1,5}(-\d{1,5})?){0,31}$/.test(cpus ?? "")) row.cpuAffinity = cpus ?? null;
  if (/^\d{1,4}$/.test(numaNode ?? "")) row.numaNode = Number(numaNode);
  return row;
}

/** `NIC0: mlx5_0` in the legend of newer drivers; older ones name the card in the heading. */
function nicNamesOf(lines: readonly string[]): Map<string, string> {
  const names = new Map<string, string>();
  for (const line of lines) {
    const match = /^\s+(NIC\d{1,4}): (\S{1,32})$/.exec(line);
    if (match?.[1] !== undefined && match[2] !== undefined) names.set(match[1], match[2]);
  }
  return names;
}
