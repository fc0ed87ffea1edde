import { type CellTrouble, decimalOf, flagOf, troubleOf, valueOf, wholeNumberOf } from "./cell.ts";
import { MAX_CELSIUS, MAX_COUNT, MAX_INDEX, MAX_MEGAHERTZ, MAX_PERCENT, MAX_WATTS, mebibytesOf } from "./limits.ts";
import { throttleReasonsOf } from "./nvidia-throttle.ts";
import { normalizePciAddress } from "./pci-address.ts";
import { excerptOf, linesOf, nameOf, warn, type Reading } from "./text.ts";

export const NO_RECOVERY_NEEDED = "None";

/** One line of `nvidia-smi --query-gpu`; `null` where the driver has no value for it. */
export interface NvidiaGpuRow {
  index: number | null;
  /** `null`: the GPU cannot be told apart from others by anything that survives a reboot. */
  uuid: string | null;
  name: string | null;
  pciAddress: string | null;
  driverVersion: string | null;
  memoryTotalBytes: number | null;
  memoryUsedBytes: number | null;
  utilizationPercent: number | null;
  memoryUtilizationPercent: number | null;
  temperatureCelsius: number | null;
  powerWatts: number | null;
  powerLimitWatts: number | null;
  computeCapability: string | null;
  isMigEnabled: boolean | null;
  isEccEnabled: boolean | null;
  uncorrectedEccErrors: number | null;
  isRemapPending: boolean | null;
  hasRemapFailed: boolean | null;
  /** `None`, or what recovers it; `null` where the driver does not know the field. */
  recoveryAction: string | null;
  smClockMhz: number | null;
  pcieGeneration: number | null;
  pcieGenerationMax: number | null;
  pcieWidth: number | null;
  pcieWidthMax: number | null;
  throttleReasons: string[];
  /** Fields in which the tool reports trouble with the device in place of a value. */
  troubles: { field: string; trouble: CellTrouble }[];
  /** The line itself, as evidence. */
  line: string;
}

/**
 * Reads the CSV of `--query-gpu=…`. `fields` are those that were asked for; `null` where the first line names them.
 * Cells are parted by comma and space; units stand in the heading, in the cells or nowhere.
 */
export function parseNvidiaGpus(text: string, fields: readonly string[] | null): Reading<NvidiaGpuRow[]> {
  const reading: Reading<NvidiaGpuRow[]> = { value: [], warnings: [] };
  let columns = fields;
  for (const line of linesOf(text)) {
    const cells = line.split(",").map((cell) => cell.trim());
    if (line.trim() === "") continue;
    if (isHeading(cells)) columns = cells.map(withoutUnit);
    else if (columns === null || cells.length !== columns.length) warn(reading.warnings, `nvidia-smi: ${line}`);
    else reading.value.push(rowOf(columns, cells, line));
  }
  warnOfTwins(reading);
  return reading;
}

function isHeading(cells: readonly string[]): boolean {
  return cells.some((cell) => ["index", "name", "uuid", "timestamp"].includes(cell));
}

/** `memory.total [MiB]` → `memory.total`. */
function withoutUnit(heading: string): string {
  return heading.split(" [", 1)[0] ?? heading;
}

function rowOf(columns: readonly string[], cells: readonly string[], line: string): NvidiaGpuRow {
  // Throttle reasons had another name before driver 535.
  const byField = new Map(columns.map((column, i) => [column.replace("clocks_throttle_", "clocks_event_"), cells[i]]));
  const cell = (field: string) => byField.get(field);
  return {
    index: wholeNumberOf(cell("index"), MAX_INDEX),
    uuid: gpuUuidOf(cell("uuid")),
    name: nameOf(valueOf(cell("name"))),
    pciAddress: normalizePciAddress(valueOf(cell("pci.bus_id"))),
    driverVersion: nameOf(valueOf(cell("driver_version")) ?? valueOf(cell("kmd_version"))),
    memoryTotalBytes: mebibytesOf(cell("memory.total")),
    memoryUsedBytes: mebibytesOf(cell("memory.used")),
    utilizationPercent: wholeNumberOf(cell("utilization.gpu"), MAX_PERCENT),
    memoryUtilizationPercent: wholeNumberOf(cell("utilization.memory"), MAX_PERCENT),
    temperatureCelsius: wholeNumberOf(cell("temperature.gpu"), MAX_CELSIUS),
    powerWatts: decimalOf(cell("power.draw"), MAX_WATTS),
    powerLimitWatts: decimalOf(cell("power.limit"), MAX_WATTS),
    computeCapability: /^\d{1,2}\.\d{1,2}$/.exec(cell("compute_cap") ?? "")?.[0] ?? null,
    isMigEnabled: flagOf(cell("mig.mode.current")),
    isEccEnabled: flagOf(cell("ecc.mode.current")),
    uncorrectedEccErrors: wholeNumberOf(cell("ecc.errors.uncorrected.volatile.total"), MAX_COUNT),
    isRemapPending: flagOf(cell("remapped_rows.pending")),
    hasRemapFailed: flagOf(cell("remapped_rows.failure")),
    recoveryAction: recoveryActionOf(cell("gpu_recovery_action")),
    smClockMhz: wholeNumberOf(cell("clocks.current.sm"), MAX_MEGAHERTZ),
    pcieGeneration: wholeNumberOf(cell("pcie.link.gen.current"), 16),
    pcieGenerationMax: wholeNumberOf(cell("pcie.link.gen.max"), 16),
    pcieWidth: wholeNumberOf(cell("pcie.link.width.current"), 64),
    pcieWidthMax: wholeNumberOf(cell("pcie.link.width.max"), 64),
    throttleReasons: throttleReasonsOf(cell("clocks_event_reasons.active")),
    troubles: columns.flatMap((field, i) => {
      const trouble = troubleOf(cells[i] ?? "");
      return trouble === null ? [] : [{ field: excerptOf(field), trouble }];
    }),
    line: excerptOf(line),
  };
}

/** The one field in which "None" is an answer. */
function recoveryActionOf(cell: string | undefined): string | null {
  return cell?.trim().toLowerCase() === "none" ? NO_RECOVERY_NEEDED : nameOf(valueOf(cell));
}

export function gpuUuidOf(cell: string | null | undefined): string | null {
  return /^GPU-[0-9a-z-]{1,64}$/i.exec((cell ?? "").trim())?.[0] ?? null;
}

/** Two GPUs with one id would be promised as one: only the first counts. */
function warnOfTwins(reading: Reading<NvidiaGpuRow[]>): void {
  const seen = new Set<string>();
  reading.value = reading.value.filter(({ uuid }) => {
    if (uuid === null) return true;
    if (seen.has(uuid)) {
      warn(reading.warnings, `nvidia-smi: two GPUs say ${uuid}`);
      return false;
    }
    seen.add(uuid);
    return true;
  });
}
